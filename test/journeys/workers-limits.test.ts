/** Limits over several worker processes: what all of them admit together is the limit, to the request. */
import { expect, onTestFinished, test, vi } from "vitest";
import { startWorkers } from "../faults/workers-gateway.ts";
import { answerJson, PREDICTION } from "../support/recording-upstream.ts";
import { hasRedis, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** Longer than any start of a process on a busy machine. */
const PATIENCE_MS = 40_000;
// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

test.each([2, 4])("a quota holds exactly over %d workers under load", async (workers) => {
  const gateway = await startWorkers({
    workers,
    // A month: the test does not run over its end unless somebody runs it at a month's last second.
    config: { limits: { default: { quota: { month: 150 }, rate: undefined, burst: undefined } } },
  });
  const lanes = Array.from({ length: 24 }, async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 15; i++) statuses.push((await gateway.predict()).status);
    return statuses;
  });
  const statuses = (await Promise.all(lanes)).flat();
  const admitted = statuses.filter((status) => status === 200).length;
  expect({ admitted, refused: statuses.filter((status) => status === 429).length }).toEqual({
    admitted: 150,
    refused: 24 * 15 - 150,
  });
  expect(gateway.upstream.received).toHaveLength(150);
});

test("a concurrency limit holds exactly over 3 workers, and every slot comes back", async () => {
  const gateway = await startWorkers({
    workers: 3,
    config: { limits: { default: { concurrency: 7 } } },
  });
  const held: (() => void)[] = [];
  let running = 0;
  let most = 0;
  gateway.upstream.answer(async (request, response) => {
    most = Math.max(most, ++running);
    await new Promise<void>((release) => held.push(release));
    running--;
    await answerJson(PREDICTION)(request, response);
  });
  for (let round = 1; round <= 3; round++) {
    const answers = Array.from({ length: 25 }, () => gateway.predict());
    const statuses: number[] = [];
    for (const answer of answers) void answer.then(({ status }) => statuses.push(status));
    await until("the rest is refused", () => statuses.length === 18, PATIENCE_MS);
    expect(statuses).toEqual(Array.from({ length: 18 }, () => 429));
    await until("the limit runs", () => held.length === 7, PATIENCE_MS);
    for (const release of held.splice(0)) release();
    await Promise.all(answers);
    expect(statuses.filter((status) => status === 200)).toHaveLength(7);
  }
  expect(most).toBe(7);
});

test("each caller has one allowance, whichever worker answers", async () => {
  const gateway = await startWorkers({
    workers: 3,
    config: {
      authorization: { grants: [{ name: "all", scopes: ["predict:churn"] }] },
      limits: { default: { quota: { month: 5 }, rate: undefined, burst: undefined } },
    },
  });
  for (const caller of ["a", "b"]) {
    const remaining: string[] = [];
    for (let i = 0; i < 7; i++) {
      const { status, headers } = await gateway.predict({ client_id: caller });
      remaining.push(`${status} ${String(headers["x-ratelimit-remaining"])}`);
    }
    expect(remaining).toEqual(["200 4", "200 3", "200 2", "200 1", "200 0", "429 0", "429 0"]);
  }
});

test.skipIf(!hasRedis())(
  "with a Redis each worker asks it, and the quota holds as exactly",
  async () => {
    const redis = await startRedis({});
    onTestFinished(() => redis.stop());
    const gateway = await startWorkers({
      workers: 2,
      config: {
        store: { kind: "redis", url: redis.url },
        limits: { default: { quota: { month: 60 }, rate: undefined, burst: undefined } },
      },
    });
    const lanes = Array.from({ length: 12 }, async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 10; i++) statuses.push((await gateway.predict()).status);
      return statuses;
    });
    const statuses = (await Promise.all(lanes)).flat();
    expect(statuses.filter((status) => status === 200)).toHaveLength(60);
    expect(statuses.filter((status) => status === 429)).toHaveLength(60);
    const used = await gateway.metric("portcullis_store_call_duration_seconds_count");
    expect(used).toBeGreaterThan(0);
  },
);
