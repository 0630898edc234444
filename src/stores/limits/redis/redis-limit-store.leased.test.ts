/** Leased limits: decided in the process where they can be, within the bound that `wallets.ts` states. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import type { Hold, LimitGroup, LimitRule, LimitVerdict } from "../limit-store.ts";
import { bucket, concurrency, group, quota, sliding } from "../limit-trial.test-support.ts";
import type { RedisLimitStore } from "./redis-limit-store.ts";
import { Fleet } from "./redis-limits.test-support.ts";

const LIMIT_MS = 30_000;
const SLOW_MS = 60_000_000;
const STORES = 4;

describe.skipIf(!hasRedis())("leased limits", () => {
  let server: RedisServer;
  let fleet: Fleet;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(() => fleet.close());
  afterAll(() => server.stop());

  const decide = (
    store: RedisLimitStore,
    groups: readonly LimitGroup[],
    cost = 0,
  ): LimitVerdict | Promise<LimitVerdict> => store.decide({ groups, cost, nowMs: Date.now() });

  /** As many as pass within so many attempts; most of them at once, some after a pause. */
  async function passing(
    store: RedisLimitStore,
    groups: readonly LimitGroup[],
    attempts: number,
  ): Promise<number> {
    let passed = 0;
    for (let i = 0; i < attempts; i++) {
      const verdict = decide(store, groups);
      if ((verdict instanceof Promise ? await verdict : verdict).isGranted) passed++;
      // Units ahead come while others wait.
      if (i % 10 === 0) await sleep(1);
    }
    return passed;
  }

  const idle = (): Promise<void> =>
    until(
      "units ahead were given back",
      () =>
        fleet.stores.every((store) => {
          const { wallets, correctionsPending } = store.snapshot();
          return wallets === 0 && correctionsPending === 0;
        }),
      LIMIT_MS,
    );

  test("a busy limit is decided without a promise and nearly without round trips", async () => {
    fleet = await Fleet.start(server.port, 1);
    const groups = group(
      leased(bucket(100_000, 1, SLOW_MS)),
      leased(sliding(200_000, SLOW_MS)),
      leased(quota("month", 300_000)),
    );
    expect(await passing(fleet.store(0), groups, 4_000)).toBe(4_000);
    const { roundTrips, decisionsHere } = fleet.store(0).snapshot();
    expect(decisionsHere).toBeGreaterThan(3_000);
    expect(roundTrips).toBeLessThan(400);
    await idle();
    const { readings } = await decide(fleet.store(0), groups);
    expect(readings.map(({ remaining }) => remaining)).toEqual([95_999, 195_999, 295_999]);
  });

  test.each([
    ["bucket", leased(bucket(1_600, 1, SLOW_MS))],
    ["sliding window", leased(sliding(1_600, SLOW_MS))],
    ["calendar quota", leased(quota("month", 1_600))],
  ])(
    "four stores pass no more of a %s than there is, and hold no more ahead than the bound",
    async (_, rule) => {
      fleet = await Fleet.start(server.port, STORES);
      const groups = group(rule);
      const bound = rule.limit / (4 * STORES);
      let mostAhead = 0;
      let passed = 0;
      const caller = async (store: RedisLimitStore): Promise<void> => {
        for (let round = 0; round < 70; round++) {
          const passedNow = await passing(store, groups, 10);
          passed += passedNow;
          mostAhead = Math.max(mostAhead, store.snapshot().unitsAhead);
        }
      };
      await Promise.all(fleet.stores.map((store) => caller(store)));
      expect(passed).toBeLessThanOrEqual(1_600);
      expect(mostAhead).toBeGreaterThan(0);
      expect(mostAhead).toBeLessThanOrEqual(bound);
      await idle();
      // What one did not use is there for the others: it ends at exactly the limit.
      expect(passed + (await passing(fleet.store(0), groups, 1_000))).toBe(1_600);
    },
  );

  test("a bucket that is refilled passes at most its burst and what it was refilled with", async () => {
    fleet = await Fleet.start(server.port, STORES);
    const groups = group(leased(bucket(400, 1000, 1000)));
    const beganMs = performance.now();
    const passed = await Promise.all(fleet.stores.map((store) => passing(store, groups, 1_500)));
    // Nothing was held ahead when it began.
    const spentMs = performance.now() - beganMs;
    const sum = passed.reduce((all, one) => all + one, 0);
    expect(sum).toBeLessThanOrEqual(400 + spentMs + 1);
    expect(sum).toBeGreaterThanOrEqual(400);
  });

  test("near the edge nothing is held ahead, and nothing is asked in the background", async () => {
    fleet = await Fleet.start(server.port, STORES);
    const groups = group(leased(quota("month", 20)));
    expect(await passing(fleet.store(0), groups, 12)).toBe(12);
    const { decisionsAsked } = fleet.store(0).snapshot();
    await idle();
    expect(fleet.store(0).snapshot().decisionsAsked - decisionsAsked).toBeLessThan(3);
    expect(await passing(fleet.store(1), groups, 12)).toBe(8);
  });

  test("what a request took here goes back when another limit refuses it", async () => {
    fleet = await Fleet.start(server.port, 1);
    const plenty = leased(bucket(10_000, 1, SLOW_MS));
    const store = fleet.store(0);
    expect(await passing(store, group(plenty), 500)).toBe(500);
    expect(store.snapshot().unitsAhead).toBeGreaterThan(0);
    expect(await passing(store, group(plenty, quota("month", 3)), 50)).toBe(3);
    await idle();
    expect((await decide(store, group(plenty))).readings[0]?.remaining).toBe(10_000 - 504);
  });

  test("measured cost is corrected where it was reserved, exactly once", async () => {
    fleet = await Fleet.start(server.port, 1);
    const groups = group(
      leased(quota("month", 100_000, "cost")),
      leased(sliding(100_000, SLOW_MS, "cost")),
      leased(bucket(100_000, 1, SLOW_MS, "cost")),
    );
    const store = fleet.store(0);
    for (let i = 0; i < 300; i++) {
      const verdict = await decide(store, groups, 20);
      const { hold } = verdict as { hold: Hold };
      store.finish(hold, i % 50);
      store.finish(hold, 0);
      if (i % 10 === 0) await sleep(1);
    }
    expect(store.snapshot().decisionsHere).toBeGreaterThan(100);
    await idle();
    const used = 6 * ((49 * 50) / 2);
    const { readings } = await decide(store, groups, 0);
    expect(readings.map(({ remaining }) => remaining)).toEqual(readings.map(() => 100_000 - used));
  });

  test("a free slot is used again without asking, then given back to the others", async () => {
    fleet = await Fleet.start(server.port, 1);
    const other = await Fleet.start(server.port, 1, undefined, fleet.prefix);
    try {
      const groups = group(leased(concurrency(4)));
      const first = await decide(fleet.store(0), groups);
      fleet.store(0).finish((first as { hold: Hold }).hold, undefined);
      const second = decide(fleet.store(0), groups);
      if (second instanceof Promise) throw new Error("asked");
      expect(second).toMatchObject({ isGranted: true, readings: [{ remaining: 3 }] });
      fleet.store(0).finish((second as { hold: Hold }).hold, undefined);
      await until("the spare slot is given back", () => fleet.store(0).snapshot().slotsSpare === 0);
      await fleet.settled();
      expect(await passing(other.store(0), groups, 10)).toBe(4);
    } finally {
      await other.close();
    }
  });

  test("a smaller limit holds at once for slots that are kept", async () => {
    fleet = await Fleet.start(server.port, 1);
    const store = fleet.store(0);
    const wide = group(leased(concurrency(8)));
    const holds = [await decide(store, wide), await decide(store, wide)];
    store.finish((holds[0] as { hold: Hold }).hold, undefined);
    expect((await decide(store, group(leased(concurrency(1))))).isGranted).toBe(false);
  });

  test("a store that is closed gives back what it held ahead", async () => {
    fleet = await Fleet.start(server.port, 1);
    const groups = group(leased(quota("month", 10_000)));
    const closing = await Fleet.start(server.port, 1, undefined, fleet.prefix);
    expect(await passing(closing.store(0), groups, 300)).toBe(300);
    expect(closing.store(0).snapshot().unitsAhead).toBeGreaterThan(0);
    await closing.close();
    expect((await decide(fleet.store(0), groups)).readings[0]?.remaining).toBe(9_699);
  });
});

function leased<Rule extends LimitRule>(rule: Rule): Rule {
  return { ...rule, speed: "leased" };
}
