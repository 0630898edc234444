/**
 * What one decision of the limits in memory costs, with one limit and with five, decided and finished, for a thousand
 * callers in turn. CPU time of the thread on one core, the median over rounds: other work on the machine does not count.
 *
 *   node bench/limits-memory.ts [--json] [--rounds 21] [--decisions 200000] [--core 1]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DurableQuotas } from "../src/stores/limits/durable-quotas.ts";
import type { LimitGroup, LimitRequest, LimitRule } from "../src/stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../src/stores/limits/memory-limit-store.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "21" },
    decisions: { type: "string", default: "200000" },
    core: { type: "string", default: "1" },
  },
});

const CALLERS = 1_000;
const WARM_UP_ROUNDS = 3;
/** Decisions in one millisecond of the store's clock, as under full load. */
const DECISIONS_PER_MS = 50;
/** So large that nothing is refused: a refusal costs less. */
const LIMIT = 1_000_000_000;

const common = { limit: LIMIT, speed: "exact", onStoreFailure: "deny" } as const;
const RULES: readonly LimitRule[] = [
  { ...common, kind: "bucket", name: "rate", unit: "requests", count: 1, perMs: 1 },
  { ...common, kind: "sliding", name: "sliding", unit: "requests", windowMs: 60_000 },
  { ...common, kind: "day", name: "day", unit: "requests", timeZone: "Europe/Zurich" },
  { ...common, kind: "month", name: "budget", unit: "cost", timeZone: "Europe/Zurich" },
  { ...common, kind: "concurrency", name: "concurrency", unit: "requests" },
];

/** `scopes`: how the rules are spread over groups, by how many stand in each. */
function requestsOf(scopes: readonly number[]): LimitRequest[] {
  return Array.from({ length: CALLERS }, (_, caller) => {
    let at = 0;
    const groups: LimitGroup[] = scopes.map((size, scope) => ({
      scope: `scope-${scope}`,
      subject: `caller-${caller}`,
      rules: RULES.slice(at, (at += size)),
    }));
    return { groups, cost: 3, nowMs: 0 };
  });
}

function round(
  store: MemoryLimitStore,
  requests: readonly LimitRequest[],
  startMs: number,
): number {
  const decisions = Number(values.decisions);
  const before = process.threadCpuUsage();
  for (let i = 0; i < decisions; i++) {
    const { groups, cost } = requests[i % CALLERS] as LimitRequest;
    const nowMs = startMs + Math.floor(i / DECISIONS_PER_MS);
    const verdict = store.decide({ groups, cost, nowMs });
    if (!verdict.isGranted) throw new Error(`refused by ${verdict.refusedBy.rule.name}`);
    if (verdict.hold) store.finish(verdict.hold, 2);
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / decisions;
}

/** Median microseconds of a decision. */
async function measure(scopes: readonly number[], durable?: DurableQuotas): Promise<number> {
  const store = new MemoryLimitStore({ durable });
  const requests = requestsOf(scopes);
  const times: number[] = [];
  for (let i = -WARM_UP_ROUNDS; i < Number(values.rounds); i++) {
    const us = round(store, requests, Date.UTC(2026, 10, 22) + i * 10_000);
    if (i >= 0) times.push(us);
    // What is written in the background has its turn.
    await new Promise((done) => setTimeout(done, 20));
  }
  await store.close();
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
}

// Where there is no `taskset`, the figures are as measured anywhere.
spawnSync("taskset", ["-cp", values.core, String(process.pid)]);
const folder = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
try {
  const open = (): DurableQuotas =>
    DurableQuotas.open({
      path: join(folder, "quotas.db"),
      onTrouble: (error) => {
        throw error;
      },
    });
  const results = {
    one: await measure([1]),
    five: await measure([5]),
    fiveInThreeScopes: await measure([2, 2, 1]),
    fiveDurable: await measure([5], open()),
  };
  const lines = [
    `1 limit:                        ${results.one.toFixed(2)} us`,
    `5 limits of one scope:          ${results.five.toFixed(2)} us`,
    `5 limits of three scopes:       ${results.fiveInThreeScopes.toFixed(2)} us`,
    `5 limits, 2 of them on disk:    ${results.fiveDurable.toFixed(2)} us`,
  ];
  console.log(values.json ? JSON.stringify(results) : lines.join("\n"));
} finally {
  rmSync(folder, { recursive: true });
}
