/** The picture of the house cannot rot: reads every import and asserts floors, neighbours and file sizes. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** Room to floor; a room imports only from lower floors. Each stage is a room of its own. */
const FLOOR: Record<string, number> = {
  patterns: 0,
  pipeline: 0,
  config: 1,
  stores: 1,
  telemetry: 1,
  ledger: 2,
  packs: 2,
  seclang: 2,
  server: 2,
  upstream: 2,
  stages: 3,
  gateway: 4,
  admin: 5,
  cli: 6,
};
const MAX_LINES = 400;

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".ts"),
);

const roomOf = (file: string): string => {
  const [room = "", second = ""] = file.split("/");
  return room === "stages" ? `stages/${second}` : room;
};
const floorOf = (room: string): number | undefined => FLOOR[room.split("/")[0] ?? ""];

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(
    (match) => match[1] as string,
  );
}

describe("the floors", () => {
  test("there is something to check", () => {
    expect(files.length).toBeGreaterThan(10);
  });

  test.each(files)("%s", (file) => {
    const room = roomOf(file);
    const floor = floorOf(room);
    expect(floor, `room ${room} has no floor`).toBeDefined();
    // Tests are tables, and may reach for real parts of any room.
    if (file.endsWith(".test.ts") || file.endsWith(".test-support.ts")) return;
    expect(readFileSync(join(SRC, file), "utf8").split("\n").length).toBeLessThanOrEqual(MAX_LINES);
    for (const specifier of importsOf(file)) {
      expect(specifier, "imports name the file").toMatch(/\.(ts|json)$/);
      const target = relative(SRC, resolve(SRC, dirname(file), specifier));
      const targetRoom = roomOf(target);
      if (targetRoom === room) continue;
      expect(floorOf(targetRoom), `${file} reaches outside src: ${specifier}`).toBeDefined();
      expect(floorOf(targetRoom), `${file} imports upwards or sideways: ${target}`).toBeLessThan(
        floor as number,
      );
    }
  });
});
