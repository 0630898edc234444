/** Decisions without the shared store: what each `onStoreFailure` means, how long, and what is known afterwards. */
import { describe, expect, test } from "vitest";
import { NOON_MS } from "../../../../test/support/context.ts";
import { DAY_MS } from "../limit-store.ts";
import {
  BreakableLink,
  bucket,
  daily,
  denialOf,
  groups,
  remainingOf,
  SILENCE,
  slots,
  worldOf,
} from "./away.test-support.ts";

describe("while the store is there", () => {
  test("its verdict is the verdict", async () => {
    const { decide, guard } = worldOf();
    const verdict = await decide(groups(bucket(10)));
    expect(verdict.isGranted).toBe(true);
    expect(verdict.degraded).toBeUndefined();
    expect(remainingOf(verdict)).toEqual([9]);
    expect(guard.isDegraded).toBe(false);
  });

  test("a question that it does not answer is decided here, that one alone", async () => {
    const { decide, shared, guard } = worldOf();
    shared.failure = SILENCE;
    const alone = await decide(groups(bucket(10)));
    expect([alone.isGranted, alone.degraded, ...remainingOf(alone)]).toEqual([true, "share", 4]);
    shared.failure = undefined;
    const after = await decide(groups(bucket(10)));
    expect([after.degraded, ...remainingOf(after)]).toEqual([undefined, 8]);
    expect(guard.snapshot().decided).toEqual({ share: 1, allow: 0 });
  });

  test("any other failure of it is no outage", async () => {
    const { decide, shared } = worldOf();
    shared.failure = new TypeError("a bug");
    await expect(decide(groups(bucket(10, { onStoreFailure: "allow" })))).rejects.toThrow(
      TypeError,
    );
  });
});

describe("while it is away", () => {
  test("nobody waits: the verdict is there at once, marked, with the limits as they were asked for", () => {
    const { decide, link } = worldOf();
    link.turn("down");
    const asked = groups(bucket(10), daily(100));
    const verdict = decide(asked);
    if (verdict instanceof Promise) throw new Error("a promise");
    expect(verdict.degraded).toBe("share");
    expect(verdict.readings.map(({ rule }) => rule)).toEqual(asked[0]?.rules);
    expect(remainingOf(verdict)).toEqual([4, 49]);
  });

  test.each([
    [8, 1, 8],
    [8, 4, 2],
    [9, 4, 2],
    [4, 4, 1],
    [3, 4, 0],
    [1, 4, 0],
    [8, 2.5, 2],
    [8, 0, 0],
    [8, Number.NaN, 0],
  ])("of a limit of %d with %d replicas, each gives %d", async (limit, replicas, part) => {
    const { passing, link } = worldOf({ replicas });
    link.turn("down");
    expect(await passing(daily(limit))).toBe(part);
    expect(await passing(slots(limit))).toBe(part);
    expect(await passing(bucket(limit))).toBe(part);
  });

  test.each([0, 30_000, 59_999])(
    "a store that has come back, and heard again from few, does not make the parts larger (after %d ms)",
    async (runningMs) => {
      let told = 4;
      const { passing, link, clock } = worldOf({ replicas: () => told });
      clock.advance(runningMs);
      link.turn("down");
      link.turn("up");
      told = 1;
      clock.advance(59_999);
      link.turn("down");
      expect(await passing(daily(16))).toBe(4);
    },
  );

  test("replicas that have left for good leave their parts to the others", async () => {
    let told = 4;
    const { passing, link, clock } = worldOf({ replicas: () => told });
    link.turn("down");
    link.turn("up");
    told = 2;
    clock.advance(120_000);
    link.turn("down");
    expect(await passing(daily(16))).toBe(8);
  });

  test("a bucket refills at exactly its part of the rate", async () => {
    const { passing, link, clock } = worldOf({ replicas: 3 });
    link.turn("down");
    expect(await passing(bucket(9))).toBe(3);
    clock.advance(299);
    expect(await passing(bucket(9))).toBe(0);
    clock.advance(1);
    expect(await passing(bucket(9))).toBe(1);
  });

  test("a limit too small to be shared is denied, not granted once a replica", async () => {
    const { decide, link, guard } = worldOf({ replicas: 4 });
    link.turn("down");
    const denial = await denialOf(decide(groups(daily(1))));
    expect(denial.retryAfterSeconds).toBeGreaterThan(0);
    expect(guard.snapshot()).toMatchObject({ denied: 1, decided: { share: 0, allow: 0 } });
  });

  test("denied callers are told different times, so that they do not come back all at once", async () => {
    const { decide, link } = worldOf();
    link.turn("down");
    const told = new Set<number>();
    for (let i = 0; i < 8; i++)
      told.add(
        (await denialOf(decide(groups(daily(9, { onStoreFailure: "deny" }))))).retryAfterSeconds,
      );
    expect(told).toEqual(new Set([1, 2, 3, 4]));
  });

  test("a refusal names the limit as it was asked for, one of the readings", async () => {
    const { decide, link } = worldOf();
    link.turn("down");
    const free = bucket(50, { name: "free", onStoreFailure: "allow" });
    const asked = groups(free, bucket(20), daily(2));
    await decide(asked);
    const verdict = await decide(asked);
    if (verdict.isGranted) throw new Error("not refused");
    expect(verdict.refusedBy).toBe(verdict.readings[2]);
    expect(verdict.refusedBy.rule).toBe(asked[0]?.rules[2]);
    expect(verdict.retryAfterMs).toBe(DAY_MS / 2);
    expect(remainingOf(verdict)).toEqual([50, 9, 0]);
  });

  test("what is allowed is left out, and counted nowhere", async () => {
    const { passing, decide, link, guard } = worldOf();
    link.turn("down");
    const free = daily(2, { onStoreFailure: "allow" });
    expect(await passing(free)).toBe(20);
    const verdict = await decide(groups(free));
    expect([verdict.degraded, ...remainingOf(verdict)]).toEqual(["allow", 2]);
    expect(await passing(free, bucket(6))).toBe(3);
    expect((await decide(groups(free, bucket(6)))).degraded).toBe("share");
    expect(guard.snapshot().decided).toEqual({ share: 21, allow: 21 });
  });

  test("one limit that denies denies the request, and nothing is spent of the others", async () => {
    const { passing, decide, link } = worldOf();
    link.turn("down");
    const budget = daily(100, { name: "budget", unit: "cost", onStoreFailure: "deny" });
    for (let i = 0; i < 5; i++) await denialOf(decide(groups(bucket(6), budget), 1));
    expect(await passing(bucket(6))).toBe(3);
  });

  test("a cost that only the whole limit could bear is nobody's to refuse; one beyond it never passes", async () => {
    const { decide, link } = worldOf();
    link.turn("down");
    const budget = daily(100, { unit: "cost" });
    expect((await decide(groups(budget), 50)).isGranted).toBe(true);
    await denialOf(decide(groups(budget), 51));
    expect((await decide(groups(budget), 101)).isGranted).toBe(false);
  });

  test("a clock that is set meanwhile refills nothing", async () => {
    const { passing, link, clock } = worldOf();
    link.turn("down");
    expect(await passing(daily(10), bucket(10))).toBe(5);
    clock.jump(3 * DAY_MS);
    expect(await passing(daily(10), bucket(10))).toBe(0);
    clock.jump(-6 * DAY_MS);
    expect(await passing(daily(10), bucket(10))).toBe(0);
  });

  test("a part that was used stays used in the next outage", async () => {
    const { passing, link, clock } = worldOf();
    for (let outage = 0; outage < 5; outage++) {
      link.turn("down");
      expect(await passing(daily(10))).toBe(outage === 0 ? 5 : 0);
      link.turn("up");
      clock.advance(20_000);
    }
  });
});

describe("what was last read of a calendar quota", () => {
  test("bounds the part", async () => {
    const { decide, passing, link } = worldOf();
    for (let i = 0; i < 6; i++) await decide(groups(daily(10)));
    link.turn("down");
    expect(await passing(daily(10))).toBe(2);
  });

  test("refuses, and says until when, where nothing was left", async () => {
    const { decide, passing, link, clock } = worldOf();
    expect(await passing(daily(10))).toBe(10);
    link.turn("down");
    const verdict = await decide(groups(daily(10)));
    if (verdict.isGranted) throw new Error("granted");
    expect(verdict.retryAfterMs).toBe(NOON_MS + DAY_MS / 2 - clock.nowMs());
    expect(verdict.refusedBy.rule.name).toBe("daily");
  });

  test("is forgotten when its window ends", async () => {
    const { passing, link, clock } = worldOf({ degradedForMs: 2 * DAY_MS });
    expect(await passing(daily(10))).toBe(10);
    link.turn("down");
    clock.advance(DAY_MS / 2 - 1);
    expect(await passing(daily(10))).toBe(0);
    clock.advance(1);
    expect(await passing(daily(10))).toBe(5);
  });

  test("of a larger limit gives no more than the part of a smaller one", async () => {
    const { decide, passing, link } = worldOf();
    await decide(groups(daily(1_000)));
    link.turn("down");
    expect(await passing(daily(10))).toBe(5);
  });

  test("is another subject's or another unit's for neither", async () => {
    const { decide, passing, link } = worldOf();
    expect(await passing(daily(10))).toBe(10);
    link.turn("down");
    const other = { scope: "route:churn", subject: "key:2", rules: [daily(10)] };
    expect(remainingOf(await decide([other]))).toEqual([4]);
    expect(remainingOf(await decide(groups(daily(10, { unit: "cost" })), 1))).toEqual([4]);
  });
});

describe("how long", () => {
  test("after the time for parts they are denied, and what is allowed stays allowed", async () => {
    const { passing, decide, link, clock } = worldOf({ degradedForMs: 30_000 });
    link.turn("down");
    clock.advance(30_000);
    expect((await decide(groups(bucket(10)))).degraded).toBe("share");
    clock.advance(1);
    await denialOf(decide(groups(bucket(10))));
    expect(await passing(bucket(10, { onStoreFailure: "allow" }))).toBe(20);
  });

  test("a link that blinks does not renew the time; a decision of the store does", async () => {
    const { decide, link, clock, shared } = worldOf({ degradedForMs: 30_000 });
    link.turn("down");
    for (let i = 0; i < 16; i++) {
      clock.advance(2_000);
      link.turn("up");
      link.turn("down");
    }
    await denialOf(decide(groups(bucket(10))));
    link.turn("up");
    expect((await decide(groups(bucket(10)))).degraded).toBeUndefined();
    shared.failure = SILENCE;
    expect((await decide(groups(bucket(10)))).degraded).toBe("share");
  });

  test("a store that takes questions and never answers is away, however often its link comes up", async () => {
    const { decide, link, clock, shared } = worldOf({ degradedForMs: 30_000 });
    shared.failure = SILENCE;
    for (let i = 0; i < 3; i++) {
      expect((await decide(groups(bucket(10)))).degraded).toBe("share");
      link.turn("down");
      link.turn("up");
      clock.advance(10_000);
    }
    clock.advance(1);
    await denialOf(decide(groups(bucket(10))));
    shared.failure = undefined;
    expect((await decide(groups(bucket(10)))).degraded).toBeUndefined();
    shared.failure = SILENCE;
    expect((await decide(groups(bucket(10)))).degraded).toBe("share");
  });

  test("a link that was back for a while ends the outage, also when nobody asked", async () => {
    const { decide, link, clock } = worldOf({ degradedForMs: 30_000 });
    link.turn("down");
    clock.advance(40_000);
    await denialOf(decide(groups(bucket(10))));
    link.turn("up");
    clock.advance(5_000);
    link.turn("down");
    expect((await decide(groups(bucket(10)))).degraded).toBe("share");
  });

  test("started without the store, a replica decides as declared, and knows that it does", async () => {
    const { decide, guard, link, clock } = worldOf({ link: new BreakableLink("down") });
    expect(guard.isDegraded).toBe(true);
    expect((await decide(groups(bucket(10)))).degraded).toBe("share");
    clock.advance(1_500);
    expect(guard.snapshot()).toMatchObject({ state: "down", degradedSeconds: 1.5 });
    link.turn("up");
    clock.advance(10_000);
    expect(guard.snapshot()).toMatchObject({ state: "up", degradedSeconds: 1.5 });
    expect((await decide(groups(bucket(10)))).degraded).toBeUndefined();
  });
});
