/**
 * What a shared store costs the whole gateway: limits in memory, on Redis with shares taken ahead (`leased`) and on
 * Redis with one round trip a request (`exact`), interleaved in one run. Redis shares the core of the load and the model.
 *
 *   node bench/limits-gateway.ts [--rounds 5] [--seconds 4] [--json]
 */
import { type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { has, load, LOAD_CORE, startPinned, stop, stopAll, usage } from "./processes.ts";
import { untilQuiet } from "./stolen-time.ts";
import { PATH, prepareConfiguration, startPortcullis, startStub } from "./subjects.ts";
import { median, ratioOf, ratioText } from "./waf/statistics.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    json: { type: "boolean", default: false },
  },
});
const CONNECTIONS = 64;
/** Until the code is compiled and connections to the model are open. */
const WARM_UP_SECONDS = 4;
/** Asked for: throughput kept of that with limits in memory. */
const ASKED = { leased: 0.9, exact: 0.6 } as const;

type Subject = "memory" | "leased" | "exact";
const SUBJECTS: readonly Subject[] = ["memory", "leased", "exact"];

interface Row {
  readonly subject: Subject;
  readonly requestsPerSecond: number;
  readonly cpuUs: number;
  readonly p99Us: number;
  readonly bad: number;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startRedis(folder: string): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort();
  const settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const child = startPinned(LOAD_CORE, ["redis-server", "--port", String(port), ...settings]);
  // Its output is read by nobody, and a full pipe would stop it.
  child.stdout?.resume();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { child, port };
}

function writeConfigurations(folder: string, redisPort: number): void {
  const memory = readFileSync(join(folder, "portcullis.yaml"), "utf8");
  const store = `store: { kind: redis, url: "redis://127.0.0.1:${redisPort}" }\n`;
  writeFileSync(join(folder, "memory.yaml"), memory);
  for (const speed of ["leased", "exact"])
    writeFileSync(
      join(folder, `${speed}.yaml`),
      memory.replace("limits:\n", `limits:\n  speed: ${speed}\n`) + store,
    );
}

async function measure(subject: Subject, folder: string, token: string): Promise<Row> {
  const { port, pid, child } = await startPortcullis(folder, `${subject}.yaml`);
  const order = {
    port,
    path: PATH,
    bodyFile: join(import.meta.dirname, "body.json"),
    headers: [`authorization: Bearer ${token}`],
    connections: CONNECTIONS,
  };
  await load({ ...order, seconds: WARM_UP_SECONDS });
  await untilQuiet();
  const before = usage(pid);
  const loaded = await load({ ...order, seconds: Number(options.seconds) });
  const row: Row = {
    subject,
    requestsPerSecond: loaded.requests / loaded.seconds,
    cpuUs: (usage(pid).cpuUs - before.cpuUs) / loaded.requests,
    p99Us: loaded.p99Us,
    bad: loaded.bad,
  };
  await stop(child);
  return row;
}

function report(rows: readonly Row[]): void {
  const of = (subject: Subject, pick: (row: Row) => number): number[] =>
    rows.filter((row) => row.subject === subject).map(pick);
  console.log(
    "| limits | requests/s | CPU us/request | p99 ms at 64 | bad |\n|---|--:|--:|--:|--:|",
  );
  for (const subject of SUBJECTS) {
    const middle = (pick: (row: Row) => number): number => median(of(subject, pick));
    const bad = of(subject, (row) => row.bad).reduce((sum, each) => sum + each, 0);
    console.log(
      `| ${subject} | ${middle((row) => row.requestsPerSecond).toFixed(0)} | ${middle((row) => row.cpuUs).toFixed(1)} | ${(middle((row) => row.p99Us) / 1_000).toFixed(1)} | ${bad} |`,
    );
  }
  for (const subject of ["leased", "exact"] as const) {
    const kept = ratioOf(
      of(subject, (row) => row.requestsPerSecond),
      of("memory", (row) => row.requestsPerSecond),
    );
    console.log(
      `throughput kept with ${subject}: ${ratioText(kept)} (asked: at least ${ASKED[subject]})`,
    );
  }
  if (options.json) console.log(JSON.stringify(rows));
}

const folder = mkdtempSync(join(tmpdir(), "portcullis-limits-gateway-"));
try {
  if (!has("redis-server", ["--version"]))
    throw new Error("SKIPPED: redis-server is not installed");
  const token = prepareConfiguration(folder, await startStub(LOAD_CORE));
  const redis = await startRedis(folder);
  writeConfigurations(folder, redis.port);
  const rows: Row[] = [];
  for (let round = 1; round <= Number(options.rounds); round += 1)
    for (const subject of round % 2 ? SUBJECTS : SUBJECTS.toReversed())
      rows.push(await measure(subject, folder, token));
  report(rows);
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
