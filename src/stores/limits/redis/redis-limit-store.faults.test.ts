/** What a network and a server can do to limits: answers that are lost, messages that come twice, counters that are gone. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import type { Hold, LimitGroup } from "../limit-store.ts";
import { bucket, concurrency, group, quota, sliding } from "../limit-trial.test-support.ts";
import type { RedisLimitStore } from "./redis-limit-store.ts";
import { ask, Fleet, isAllFree, sleep } from "./redis-limits.test-support.ts";

const LIMIT_MS = 30_000;
/** Renewals come every third of it. */
const SHORT_LEASE_MS = 900;
/** Nothing is renewed within a test. */
const LONG_LEASE_MS = 600_000;
const SLOW_MS = 60_000_000;

describe.skipIf(!hasRedis())("limits on a troubled network", () => {
  let server: RedisServer;
  let fleet: Fleet;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(() => fleet.close());
  afterAll(() => server.stop());

  async function granted(
    store: RedisLimitStore,
    groups: readonly LimitGroup[],
    cost = 0,
  ): Promise<Hold> {
    const verdict = await ask(store, groups, cost);
    if (!verdict.isGranted || verdict.hold === undefined) throw new Error("refused");
    return verdict.hold;
  }

  const left = async (
    store: RedisLimitStore,
    groups: readonly LimitGroup[],
  ): Promise<number | undefined> => (await ask(store, groups)).readings[0]?.remaining;

  describe("a lost answer", () => {
    test("rejects, and is never sent again: it is counted once at most", async () => {
      fleet = await Fleet.start(server.port, 1);
      const groups = group(bucket(100, 1, SLOW_MS));
      fleet.link(0).loses = (script) => script === "limits-decide";
      await expect(ask(fleet.store(0), groups)).rejects.toThrow(StoreUnavailable);
      fleet.link(0).loses = () => false;
      expect(await left(fleet.store(0), groups)).toBe(98);
    });

    test("gives back the slot it took, to other replicas too", async () => {
      fleet = await Fleet.start(server.port, 2, LONG_LEASE_MS);
      const groups = group(concurrency(1));
      fleet.link(0).loses = (script) => script === "limits-decide";
      await expect(ask(fleet.store(0), groups)).rejects.toThrow(StoreUnavailable);
      await until(
        "the slot is free",
        async () => (await ask(fleet.store(1), groups)).isGranted,
        LIMIT_MS,
      );
    });

    test("leaves the slots of requests that run as they are", async () => {
      fleet = await Fleet.start(server.port, 2, LONG_LEASE_MS);
      const groups = group(concurrency(3));
      const holds = [await granted(fleet.store(0), groups), await granted(fleet.store(0), groups)];
      fleet.link(0).loses = (script) => script === "limits-decide";
      await expect(ask(fleet.store(0), groups)).rejects.toThrow(StoreUnavailable);
      await until("it is declared", () => fleet.store(0).snapshot().renewals > 0, LIMIT_MS);
      await until(
        "one slot is free",
        async () => (await ask(fleet.store(1), groups)).isGranted,
        LIMIT_MS,
      );
      expect((await ask(fleet.store(1), groups)).isGranted).toBe(false);
      for (const hold of holds) fleet.store(0).finish(hold, undefined);
    });

    test("of corrections makes them come again, and count once", async () => {
      fleet = await Fleet.start(server.port, 1, LONG_LEASE_MS);
      const groups = group(
        quota("month", 1000, "cost"),
        bucket(1000, 1, SLOW_MS, "cost"),
        sliding(1000, SLOW_MS, "cost"),
      );
      const store = fleet.store(0);
      let lost = 0;
      fleet.link(0).loses = (script) => script === "limits-settle" && lost++ < 2;
      for (const used of [30, 170, 100]) store.finish(await granted(store, groups, 100), used);
      await fleet.settled();
      expect(lost).toBeGreaterThan(2);
      const { readings } = await ask(store, groups);
      expect(readings.map(({ remaining }) => remaining)).toEqual([700, 700, 700]);
    });
  });

  test("corrections and declarations that come twice count once", async () => {
    fleet = await Fleet.start(server.port, 2, SHORT_LEASE_MS);
    fleet.link(0).repeats = (script) => script !== "limits-decide";
    const groups = group(quota("month", 1000, "cost"), concurrency(4));
    const store = fleet.store(0);
    const running = [await granted(store, groups, 10), await granted(store, groups, 10)];
    for (let i = 0; i < 10; i++) store.finish(await granted(store, groups, 100), 50);
    await fleet.settled();
    await until("slots are renewed", () => store.snapshot().renewals > 2, LIMIT_MS);
    const { readings } = await ask(fleet.store(1), groups);
    expect(readings.map(({ remaining }) => remaining)).toEqual([480, 1]);
    for (const hold of running) store.finish(hold, undefined);
  });

  test("the slots of a process that has crashed end with its lease; those of the others stay", async () => {
    fleet = await Fleet.start(server.port, 2, SHORT_LEASE_MS);
    const groups = group(concurrency(3));
    await granted(fleet.store(0), groups);
    await granted(fleet.store(0), groups);
    const hold = await granted(fleet.store(1), groups);
    expect((await ask(fleet.store(1), groups)).isGranted).toBe(false);
    fleet.crash(0);
    const held = [hold];
    await until(
      "both slots are free",
      async () => {
        const verdict = await ask(fleet.store(1), groups);
        if (verdict.isGranted) held.push(verdict.hold as Hold);
        return held.length === 3;
      },
      LIMIT_MS,
    );
    expect((await ask(fleet.store(1), groups)).isGranted).toBe(false);
    for (const one of held) fleet.store(1).finish(one, undefined);
  });

  test.each([
    { free: 1, isGranted: true },
    { free: 0, isGranted: false },
  ])(
    "a declaration that overtakes a decision counts it once, with $free slots free",
    async ({ free, isGranted }) => {
      fleet = await Fleet.start(server.port, 2, LONG_LEASE_MS);
      const groups = group(concurrency(1 + free));
      const store = fleet.store(0);
      const running = await granted(fleet.store(1), groups);
      const arrives = Promise.withResolvers<boolean>();
      fleet.link(0).holdsBack = (script) =>
        script === "limits-decide" ? arrives.promise : Promise.resolve(true);
      const late = ask(store, groups);
      await sleep(1);
      await new Promise((resolve) => setImmediate(resolve));
      fleet.link(0).comeUp();
      await until("it is declared", () => store.snapshot().renewals > 0, LIMIT_MS);
      // Another message behind it, so that the declaration has arrived.
      await fleet.link(0).command(undefined, ["PING"]);
      arrives.resolve(true);
      const verdict = await late;
      expect(verdict.isGranted).toBe(isGranted);
      if (verdict.isGranted) store.finish(verdict.hold as Hold, undefined);
      fleet.store(1).finish(running, undefined);
      await fleet.settled();
      await until("all is free", () => isAllFree(store, groups, free), LIMIT_MS);
    },
  );

  test("decisions that overtake each other and a lost declaration never take more than there is", async () => {
    fleet = await Fleet.start(server.port, 1, LONG_LEASE_MS);
    const groups = group(concurrency(1));
    const store = fleet.store(0);
    const arrives = Promise.withResolvers<boolean>();
    fleet.link(0).holdsBack = () => arrives.promise;
    const early = ask(store, groups);
    await sleep(1);
    // The first declaration, which counts the decision under way, is lost.
    fleet.link(0).holdsBack = () => Promise.resolve(false);
    fleet.link(0).comeUp();
    fleet.link(0).holdsBack = undefined;
    const late = await ask(store, groups);
    arrives.resolve(true);
    const passed = [await early, late].filter(({ isGranted }) => isGranted);
    expect(passed).toHaveLength(1);
  });

  test("a request that runs for many leases keeps its slot", async () => {
    fleet = await Fleet.start(server.port, 2, SHORT_LEASE_MS);
    const groups = group(concurrency(1));
    const hold = await granted(fleet.store(0), groups);
    await until("it was renewed often", () => fleet.store(0).snapshot().renewals > 8, LIMIT_MS);
    expect((await ask(fleet.store(1), groups)).isGranted).toBe(false);
    fleet.store(0).finish(hold, undefined);
    await fleet.settled();
    expect((await ask(fleet.store(1), groups)).isGranted).toBe(true);
  });

  test("running requests are counted again after the server lost everything", async () => {
    fleet = await Fleet.start(server.port, 2, SHORT_LEASE_MS);
    const groups = group(concurrency(2));
    const holds = [await granted(fleet.store(0), groups), await granted(fleet.store(1), groups)];
    await server.command("FLUSHALL");
    const before = fleet.stores.map((store) => store.snapshot().renewals);
    await until(
      "both have declared what they hold",
      () => fleet.stores.every((store, at) => store.snapshot().renewals > (before[at] ?? 0) + 1),
      LIMIT_MS,
    );
    expect((await ask(fleet.store(0), groups)).isGranted).toBe(false);
    for (const [at, hold] of holds.entries()) fleet.store(at).finish(hold, undefined);
    await fleet.settled();
    expect(await left(fleet.store(0), groups)).toBe(1);
  });

  test("a decision right after the server lost everything counts what this process runs", async () => {
    fleet = await Fleet.start(server.port, 1, LONG_LEASE_MS);
    const groups = group(concurrency(2));
    await granted(fleet.store(0), groups);
    await granted(fleet.store(0), groups);
    await server.command("FLUSHALL");
    expect((await ask(fleet.store(0), groups)).isGranted).toBe(false);
  });

  test("a server that has forgotten the scripts is told them again", async () => {
    fleet = await Fleet.start(server.port, 1);
    const groups = group(quota("month", 10, "cost"), concurrency(5));
    const store = fleet.store(0);
    for (let i = 0; i < 3; i++) {
      const hold = await granted(store, groups, 2);
      await server.command("SCRIPT", "FLUSH", "SYNC");
      store.finish(hold, 1);
      await fleet.settled();
    }
    expect(await left(store, groups)).toBe(7);
  });

  test("an outage leaves nothing behind for requests that were never sent", async () => {
    fleet = await Fleet.start(server.port, 1, LONG_LEASE_MS);
    const store = fleet.store(0);
    fleet.link(0).isAway = true;
    for (let i = 0; i < 50; i++) {
      const groups = [{ scope: "route", subject: `caller-${i}`, rules: [concurrency(1)] }];
      await expect(ask(store, groups)).rejects.toThrow(StoreUnavailable);
    }
    fleet.link(0).isAway = false;
    fleet.link(0).comeUp();
    await ask(store, group(bucket(10, 1, SLOW_MS)));
    expect(store.snapshot()).toMatchObject({ renewals: 0, slotsHeld: 0, roundTrips: 1 });
  });

  test("what ends during an outage is told afterwards", async () => {
    fleet = await Fleet.start(server.port, 2, LONG_LEASE_MS);
    const groups = group(quota("month", 100, "cost"), concurrency(1));
    const hold = await granted(fleet.store(0), groups, 50);
    fleet.link(0).isAway = true;
    fleet.store(0).finish(hold, 20);
    await sleep(1);
    expect(fleet.store(0).snapshot().correctionsPending).toBe(2);
    expect((await ask(fleet.store(1), groups)).isGranted).toBe(false);
    fleet.link(0).isAway = false;
    fleet.link(0).comeUp();
    await fleet.settled();
    const { readings } = await ask(fleet.store(1), groups);
    expect(readings.map(({ remaining }) => remaining)).toEqual([80, 0]);
  });

  test("late use is added to the window that is running, once, and to no other", async () => {
    fleet = await Fleet.start(server.port, 1);
    const rule = quota("month", 100);
    const groups = group(rule);
    const store = fleet.store(0);
    await ask(store, groups);
    let lost = 0;
    fleet.link(0).loses = (script) => script === "limits-settle" && lost++ < 1;
    const use = { scope: "route", subject: "a", rule, units: 120 };
    await store.addUse([{ ...use, units: 30, atMs: store.nowMs() }]);
    await store.addUse([{ ...use, atMs: store.nowMs() - 40 * 86_400_000 }]);
    await fleet.settled();
    expect(await left(store, groups)).toBe(68);
    await store.addUse([{ ...use, atMs: store.nowMs() }]);
    await fleet.settled();
    expect((await ask(store, groups)).isGranted).toBe(false);
  });
});
