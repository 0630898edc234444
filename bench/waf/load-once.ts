/**
 * Loads one rule set in a process that did nothing else, and prints as one line of JSON what that took and what it keeps
 * in memory, before and after requests. Run with `--expose-gc`: node --expose-gc load-once.ts RULES_FILE CACHE_DIRECTORY
 */
import { loadOurs, measureOurs, policiesOf } from "./ours.ts";
import { makeRequests } from "./requests.ts";

export interface LoadFigures {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Heap and buffers after a collection. */
  readonly keptMiB: number;
  readonly rssMiB: number;
  readonly warmKeptMiB: number;
  readonly warmRssMiB: number;
}

const MIB = 2 ** 20;
/** Enough for the patterns of ordinary traffic to be compiled. */
const WARM_REQUESTS = 2_000;

const [file = "", cacheDirectory = ""] = process.argv.slice(2);

function memory(): { kept: number; rss: number } {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { kept: (heapUsed + external) / MIB, rss: rss / MIB };
}

const before = memory();
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const set = loadOurs(file, cacheDirectory);
const { plain } = policiesOf(set);
const wallMs = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuBefore);
const loaded = memory();
await measureOurs(plain, makeRequests("json", WARM_REQUESTS, 1));
await measureOurs(plain, makeRequests("prose", WARM_REQUESTS / 20, 1));
const warm = memory();
const figures: LoadFigures = {
  wallMs,
  cpuMs: (user + system) / 1000,
  keptMiB: loaded.kept - before.kept,
  rssMiB: loaded.rss - before.rss,
  warmKeptMiB: warm.kept - before.kept,
  warmRssMiB: warm.rss - before.rss,
};
console.log(JSON.stringify(figures));
