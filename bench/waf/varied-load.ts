/** The load of the comparison with nginx and ModSecurity: `wrk` with bodies that differ, on the core of the load. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadReport } from "../load.ts";
import { firstLine, LOAD_CORE, startPinned, stop } from "../processes.ts";
import { PATH } from "../subjects.ts";
import { churn } from "./json-bodies.ts";
import { randomFor } from "./requests.ts";

/** So many that a cache of values would be of no use: ten thousand bodies hold a quarter of a million values. */
const BODIES = 10_000;

/** Writes the bodies into `folder` and answers with the file's path. */
export function writeBodies(folder: string): string {
  const file = join(folder, "bodies.jsonl");
  const lines = Array.from({ length: BODIES }, (_, serial) =>
    JSON.stringify(churn(randomFor(serial))),
  );
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

export interface VariedLoad {
  readonly port: number;
  readonly bodies: string;
  readonly headers: readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

export async function variedLoad(order: VariedLoad): Promise<LoadReport> {
  const child = startPinned(
    LOAD_CORE,
    [
      "wrk",
      "--threads=1",
      `--connections=${order.connections}`,
      `--duration=${order.seconds}s`,
      "--timeout=30s",
      `--script=${join(import.meta.dirname, "varied.lua")}`,
      `http://127.0.0.1:${order.port}${PATH}`,
    ],
    { BODIES: order.bodies, HEADERS: order.headers.join("\n") },
  );
  const report = await firstLine(child, (line) =>
    line.startsWith("{") ? (JSON.parse(line) as LoadReport) : undefined,
  );
  await stop(child);
  return report;
}
