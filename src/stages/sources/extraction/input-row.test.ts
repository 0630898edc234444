/** What reading an input may cost, whatever is sent: time and memory that a caller cannot choose. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { readRows } from "./input-row.ts";

const SETTINGS = { ignore: new Set<string>(), nowMs: Date.UTC(2026, 10, 22) };
const MANY = 100_000;
/** Far more than a row may hold, far less than many. */
const FEW = 5_000;

/** The same object, and how often something of it was looked at. */
function watched<Shape extends object>(target: Shape): { object: Shape; looks: () => number } {
  let looks = 0;
  const object = new Proxy(target, {
    get: (of, name) => (looks++, Reflect.get(of, name)),
  });
  return { object, looks: () => looks };
}

describe("an input of very many parts is given up early", () => {
  const names = Array.from({ length: MANY }, (_, i) => `f${i}`);
  test.each([
    { name: "numbers by name", parts: Object.fromEntries(names.map((name) => [name, 1])) },
    { name: "empty lists by name", parts: Object.fromEntries(names.map((name) => [name, []])) },
    { name: "empty lists in a list", parts: names.map(() => []) },
    { name: "texts of now in a list", parts: names.map(() => "2026-11-22T10:00:00Z") },
  ])("$name", ({ parts }) => {
    const { object, looks } = watched(parts);
    let rows = 0;
    readRows({ a: 1, b: { object } }, SETTINGS, () => rows++);
    expect(looks()).toBeLessThan(FEW);
    expect(rows).toBe(0);
  });
});

test("long names of fields are not kept", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const length = 100_000;
  const used = (): number => {
    // The engine itself keeps what it knows of shapes for a few collections.
    for (let i = 0; i < 10; i++) collect();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  for (let i = 0; i < 400; i++)
    readRows(JSON.parse(`{"${String(i).padStart(length, "x")}":1}`), SETTINGS, () => undefined);
  expect(used() - before).toBeLessThan((400 * length) / 2);
});
