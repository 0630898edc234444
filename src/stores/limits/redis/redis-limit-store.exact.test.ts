/** Exact limits, decided by many processes at once: never more than the limit, and never much less. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { DAY_MS, type Hold, type LimitRule } from "../limit-store.ts";
import { bucket, concurrency, group, quota, sliding } from "../limit-trial.test-support.ts";
import type { RedisLimitStore } from "./redis-limit-store.ts";
import { ask, Fleet } from "./redis-limits.test-support.ts";

const STORES = 4;
/** Far too slow to refill within a test. */
const SLOW_MS = 60_000_000;
const IDLE_MS = 200;

describe.skipIf(!hasRedis())("exact limits", () => {
  let server: RedisServer;
  let fleet: Fleet;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(() => fleet.close());
  afterAll(() => server.stop());

  describe("four stores under full load", () => {
    test.each([
      ["bucket", bucket(1000, 1, SLOW_MS)],
      ["sliding window", sliding(1000, SLOW_MS)],
      ["calendar quota", quota("month", 1000)],
    ] as [string, LimitRule][])("a %s passes exactly its number", async (_, rule) => {
      fleet = await Fleet.start(server.port, STORES);
      const groups = group(rule);
      let passed = 0;
      const caller = async (store: RedisLimitStore): Promise<void> => {
        for (let i = 0; i < 20; i++) if ((await ask(store, groups)).isGranted) passed++;
      };
      await Promise.all(
        fleet.stores.flatMap((store) => Array.from({ length: 32 }, () => caller(store))),
      );
      expect(passed).toBe(1000);
    });

    test("no more than the limit run at the same time, and all slots come back", async () => {
      fleet = await Fleet.start(server.port, STORES);
      const groups = group(concurrency(25));
      let running = 0;
      let most = 0;
      let passed = 0;
      const caller = async (store: RedisLimitStore): Promise<void> => {
        for (let i = 0; i < 30; i++) {
          const verdict = await ask(store, groups);
          if (!verdict.isGranted) continue;
          passed++;
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
          store.finish(verdict.hold as Hold, undefined);
        }
      };
      await Promise.all(
        fleet.stores.flatMap((store) => Array.from({ length: 16 }, () => caller(store))),
      );
      expect(most).toBe(25);
      expect(passed).toBeGreaterThan(25);
      await fleet.settled();
      expect((await ask(fleet.store(0), groups)).readings[0]?.remaining).toBe(24);
    });

    test("a bucket of 1,000 a second gives out all it is refilled with, and no unit more", async () => {
      fleet = await Fleet.start(server.port, STORES);
      const groups = group(bucket(1000, 1000, 1000));
      const beganMs = await serverMs();
      let passed = 0;
      const over = new AbortController();
      let answeredMs = performance.now();
      let idleMs = 0;
      const caller = async (store: RedisLimitStore): Promise<void> => {
        while (!over.signal.aborted) {
          if ((await ask(store, groups)).isGranted) passed++;
          const gapMs = performance.now() - answeredMs;
          answeredMs += gapMs;
          // On a busy machine nobody may be asking for so long that the bucket runs over.
          if (gapMs > IDLE_MS) idleMs += gapMs;
        }
      };
      const callers = fleet.stores.flatMap((store) =>
        Array.from({ length: 8 }, () => caller(store)),
      );
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      over.abort();
      await Promise.all(callers);
      const last = await ask(fleet.store(0), groups);
      const spentMs = (await serverMs()) - beganMs;
      expect(passed).toBeLessThanOrEqual(1000 + spentMs);
      const left = last.readings[0]?.remaining ?? 0;
      expect(passed + left + 1).toBeGreaterThanOrEqual(0.98 * (1000 + spentMs) - idleMs);
    });
  });

  test("the cost of many processes ends at what was used", async () => {
    fleet = await Fleet.start(server.port, STORES);
    const groups = group(
      quota("month", 1_000_000, "cost"),
      bucket(1_000_000, 1, SLOW_MS, "cost"),
      sliding(1_000_000, SLOW_MS, "cost"),
    );
    let used = 0;
    const caller = async (store: RedisLimitStore, seed: number): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const verdict = await ask(store, groups, 100);
        const cost = (seed * 7 + i * 13) % 180;
        store.finish((verdict as { hold: Hold }).hold, cost);
        used += cost;
      }
    };
    await Promise.all(
      fleet.stores.flatMap((store, at) =>
        Array.from({ length: 8 }, (_, index) => caller(store, at * 8 + index)),
      ),
    );
    await fleet.settled();
    const { readings } = await ask(fleet.store(1), groups, 0);
    expect(readings.map(({ remaining }) => remaining)).toEqual(
      readings.map(() => 1_000_000 - used),
    );
  });

  test("a replica whose clock is wrong by days counts in the server's windows", async () => {
    const truth = Date.now;
    const fleets: Fleet[] = [];
    try {
      for (const skewMs of [0, 3 * DAY_MS, -3 * DAY_MS]) {
        // A store reads it once, when it is made.
        Date.now = () => truth() + skewMs;
        fleets.push(await Fleet.start(server.port, 1, undefined, fleets[0]?.prefix));
      }
    } finally {
      Date.now = truth;
    }
    fleet = fleets[0] as Fleet;
    const groups = group(quota("day", 4, "requests", "UTC"));
    let passed = 0;
    for (const { stores } of [...fleets, ...fleets])
      for (const store of stores) if ((await ask(store, groups)).isGranted) passed++;
    expect(passed).toBe(4);
    for (const skewed of fleets.slice(1)) {
      expect(skewed.store(0).snapshot().staleWindows).toBeGreaterThan(0);
      await skewed.close();
    }
  });

  const serverMs = async (): Promise<number> => {
    const [seconds, microseconds] = (await server.command("TIME")) as [string, string];
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  };
});
