/** Slots of concurrency, by many stores over links that lose, double and delay messages: none too many, none for good. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import type { Hold } from "../limit-store.ts";
import { concurrency, group } from "../limit-trial.test-support.ts";
import type { RedisLimitStore } from "./redis-limit-store.ts";
import { ask, Fleet, isAllFree, sleep } from "./redis-limits.test-support.ts";

const LIMIT_MS = 30_000;
/** No lease ends within the test: what comes back was given back. */
const LONG_LEASE_MS = 600_000;

interface Step {
  readonly store: number;
  readonly does: string;
  readonly loses: number;
  readonly repeats: boolean;
  readonly delayMs: number;
}

describe.skipIf(!hasRedis())("slots on a troubled network", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test("whatever is lost, doubled or late, concurrency is never exceeded and comes back to zero", async () => {
    const step = fc.record({
      store: fc.nat(2),
      does: fc.constantFrom("ask", "ask", "ask", "finish", "finish", "wait", "renew"),
      loses: fc.nat(9),
      repeats: fc.boolean(),
      delayMs: fc.constantFrom(0, 0, 0, 2, 7),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { minLength: 10, maxLength: 60 }),
        async (limit, steps) => {
          const three = await Fleet.start(server.port, 3, LONG_LEASE_MS);
          try {
            await runSteps(three, limit, steps);
          } finally {
            await three.close();
          }
        },
      ),
      { numRuns: 100, endOnFailure: true },
    );
  }, 120_000);
});

async function runSteps(three: Fleet, limit: number, steps: readonly Step[]): Promise<void> {
  const groups = group(concurrency(limit));
  const running: { store: RedisLimitStore; hold: Hold }[] = [];
  const asked: Promise<void>[] = [];
  for (const { store: at, does, loses, repeats, delayMs } of steps) {
    const [store, link] = [three.store(at), three.link(at)];
    link.loses = () => loses === 0;
    // Decisions come once: a copy of one would be another request.
    link.repeats = (script) => repeats && script !== "limits-decide";
    link.holdsBack = async () => {
      if (delayMs > 0) await sleep(delayMs);
      return loses !== 1;
    };
    if (does === "finish") {
      const ended = running.shift();
      ended?.store.finish(ended.hold, undefined);
    } else if (does === "wait") await sleep(1);
    else if (does === "renew") link.comeUp();
    else
      asked.push(
        ask(store, groups).then(
          (verdict) => {
            if (verdict.isGranted) running.push({ store, hold: verdict.hold as Hold });
            expect(running.length).toBeLessThanOrEqual(limit);
          },
          (error: unknown) => expect(error).toBeInstanceOf(StoreUnavailable),
        ),
      );
  }
  await Promise.all(asked);
  for (const link of three.links) {
    link.loses = () => false;
    link.holdsBack = undefined;
  }
  for (const { store, hold } of running) store.finish(hold, undefined);
  await until("all slots are free", () => isAllFree(three.store(0), groups, limit - 1), LIMIT_MS);
}
