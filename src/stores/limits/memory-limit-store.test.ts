/** What only the memory store promises: it answers at once, and its memory has a bound that nobody can profit from. */
import { describe, expect, test } from "vitest";
import { DAY_MS, type LimitGroup } from "./limit-store.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const RATE: LimitGroup[] = [
  { scope: "route", rules: [{ kind: "bucket", name: "rate", limit: 2, count: 2, perMs: 1000 }] },
];
const QUOTA: LimitGroup[] = [
  { scope: "route", rules: [{ kind: "day", name: "day", limit: 3, windowMs: DAY_MS }] },
];

const passing = (store: MemoryLimitStore, subject: string, groups: LimitGroup[], nowMs: number) =>
  Array.from({ length: 10 }, () => store.decide(subject, groups, nowMs)).filter(
    (verdict) => verdict.isGranted,
  ).length;

describe("the memory store", () => {
  test("answers at once", () => {
    expect(new MemoryLimitStore().decide("a", RATE, NOON)).not.toBeInstanceOf(Promise);
  });

  test("counters that are whole again are forgotten as new ones come", () => {
    const store = new MemoryLimitStore({ maxCounters: 1_000 });
    for (let i = 0; i < 20_000; i++) store.decide(`caller-${i}`, RATE, NOON + i * 100);
    expect(store.size).toBeLessThan(50);
  });

  test("a million subjects never take more than the maximum", () => {
    const store = new MemoryLimitStore({ maxCounters: 1_000 });
    for (let i = 0; i < 1_000_000; i++) store.decide(`caller-${i}`, QUOTA, NOON);
    expect(store.size).toBe(1_000);
  });

  test("at the maximum a flood of newcomers cannot push out a spent counter", () => {
    const store = new MemoryLimitStore({ maxCounters: 100 });
    expect(passing(store, "spent", QUOTA, NOON)).toBe(3);
    for (let i = 0; i < 10_000; i++) store.decide(`flood-${i}`, QUOTA, NOON + i);
    expect(passing(store, "spent", QUOTA, NOON + 10_000)).toBe(0);
  });

  test("at the maximum newcomers share the allowance of one", () => {
    const store = new MemoryLimitStore({ maxCounters: 100 });
    for (let i = 0; i < 100; i++) store.decide(`first-${i}`, QUOTA, NOON);
    const granted = Array.from({ length: 50 }, (_, i) => store.decide(`late-${i}`, QUOTA, NOON));
    expect(granted.filter((verdict) => verdict.isGranted)).toHaveLength(3);
  });

  test("a counter with a request running is kept, however old", () => {
    const store = new MemoryLimitStore({ maxCounters: 10 });
    const groups: LimitGroup[] = [
      { scope: "route", rules: [{ kind: "concurrency", name: "concurrency", limit: 1 }] },
    ];
    const first = store.decide("long", groups, NOON);
    for (let i = 0; i < 1_000; i++) {
      const verdict = store.decide(`short-${i}`, groups, NOON + DAY_MS);
      if (verdict.isGranted && verdict.lease) store.release(verdict.lease);
    }
    expect(store.decide("long", groups, NOON + DAY_MS).isGranted).toBe(false);
    if (first.isGranted && first.lease) store.release(first.lease);
    expect(store.decide("long", groups, NOON + DAY_MS).isGranted).toBe(true);
  });

  test("a request over two scopes loses neither count, even when one sweep passes over both", () => {
    const groups: LimitGroup[] = ["route", "all"].map((scope) => ({
      scope,
      rules: [{ kind: "day", name: "day", limit: 1, windowMs: DAY_MS }],
    }));
    const store = new MemoryLimitStore({ maxCounters: 10 });
    for (let i = 0; i < 5; i++) {
      expect(store.decide(`caller-${i}`, groups, NOON).isGranted).toBe(true);
      expect(store.decide(`caller-${i}`, groups, NOON).isGranted).toBe(false);
      expect(store.size).toBe(2 * (i + 1));
    }
  });
});
