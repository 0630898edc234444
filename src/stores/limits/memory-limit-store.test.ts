/** What only the memory store promises: it answers at once, and its memory has a bound that nobody can profit from. */
import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS, type LimitRule } from "./limit-store.ts";
import { bucket, concurrency, group, quota, sliding } from "./limit-trial.test-support.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const RATE = bucket(2, 2, 1000);
const QUOTA = quota("day", 3);

interface Asking {
  readonly subject?: string;
  readonly nowMs?: number;
  readonly cost?: number;
}

const ask = (store: MemoryLimitStore, rule: LimitRule, asking: Asking = {}) => {
  const { subject = "a", nowMs = NOON, cost = 0 } = asking;
  return store.decide({ groups: [{ scope: "route", subject, rules: [rule] }], cost, nowMs });
};
const passing = (store: MemoryLimitStore, rule: LimitRule, asking: Asking = {}, attempts = 10) =>
  Array.from({ length: attempts }, () => ask(store, rule, asking)).filter(
    ({ isGranted }) => isGranted,
  ).length;

describe("the memory store", () => {
  test("answers at once", () => {
    expect(ask(new MemoryLimitStore(), RATE)).not.toBeInstanceOf(Promise);
  });

  test.each([
    { name: "bucket", rule: RATE },
    { name: "sliding", rule: sliding(2, 1_000) },
    { name: "bucket of cost", rule: bucket(20, 20, 1000, "cost") },
  ])("counters of a $name that are whole again are forgotten as new ones come", ({ rule }) => {
    const store = new MemoryLimitStore({ maxSubjects: 1_000 });
    for (let i = 0; i < 20_000; i++) {
      const asking = { subject: `caller-${i}`, nowMs: NOON + i * 100, cost: 10 };
      const verdict = ask(store, rule, asking);
      if (verdict.isGranted && verdict.hold) store.finish(verdict.hold, undefined);
    }
    expect(store.size).toBeLessThan(50);
  });

  test("quotas of a day that has ended are forgotten as new ones come", () => {
    const store = new MemoryLimitStore();
    for (let i = 0; i < 1_000; i++) ask(store, QUOTA, { subject: `caller-${i}` });
    for (let i = 0; i < 1_000; i++)
      ask(store, RATE, { subject: `other-${i}`, nowMs: NOON + DAY_MS + i * 1_000 });
    expect(store.size).toBeLessThan(50);
  });

  test("a million subjects never take more than the maximum", () => {
    const store = new MemoryLimitStore({ maxSubjects: 1_000 });
    for (let i = 0; i < 1_000_000; i++) ask(store, QUOTA, { subject: `caller-${i}` });
    expect(store.size).toBe(1_000);
  });

  test.each([
    { name: "quota", rule: QUOTA },
    { name: "sliding window", rule: sliding(3, HOUR_MS) },
    { name: "bucket", rule: bucket(3, 1, HOUR_MS) },
  ])("at the maximum a flood of newcomers cannot push out a spent $name", ({ rule }) => {
    const store = new MemoryLimitStore({ maxSubjects: 100 });
    expect(passing(store, rule)).toBe(3);
    for (let i = 0; i < 10_000; i++) ask(store, rule, { subject: `flood-${i}`, nowMs: NOON + i });
    expect(passing(store, rule, { nowMs: NOON + 10_000 })).toBe(0);
  });

  test("at the maximum newcomers share the allowance of one", () => {
    const store = new MemoryLimitStore({ maxSubjects: 100 });
    for (let i = 0; i < 100; i++) ask(store, QUOTA, { subject: `first-${i}` });
    const late = Array.from({ length: 50 }, (_, i) => ask(store, QUOTA, { subject: `late-${i}` }));
    expect(late.filter(({ isGranted }) => isGranted)).toHaveLength(3);
  });

  test("a counter with a request running is kept, however old", () => {
    const store = new MemoryLimitStore({ maxSubjects: 10 });
    const rule = concurrency(1);
    const first = ask(store, rule, { subject: "long" });
    const later = { subject: "long", nowMs: NOON + DAY_MS };
    for (let i = 0; i < 1_000; i++) {
      const verdict = ask(store, rule, { ...later, subject: `short-${i}` });
      if (verdict.isGranted && verdict.hold) store.finish(verdict.hold, undefined);
    }
    expect(ask(store, rule, later).isGranted).toBe(false);
    if (first.isGranted && first.hold) store.finish(first.hold, undefined);
    expect(ask(store, rule, later).isGranted).toBe(true);
  });

  test.each([
    { name: "bucket", rule: bucket(10, 10, 1_000, "cost") },
    { name: "sliding window", rule: sliding(10, 1_000, "cost") },
    { name: "quota", rule: quota("minute", 10, "cost") },
  ])("a $name that a running request has yet to be charged to is kept, however old", ({ rule }) => {
    const store = new MemoryLimitStore({ maxSubjects: 10 });
    const first = ask(store, rule, { subject: "long", cost: 1 });
    const nowMs = NOON + HOUR_MS;
    for (let i = 0; i < 100; i++) ask(store, RATE, { subject: `short-${i}`, nowMs });
    if (first.isGranted && first.hold) store.finish(first.hold, 1_000);
    expect(ask(store, rule, { subject: "long", nowMs, cost: 1 }).isGranted).toBe(false);
  });

  test("a request over two scopes loses neither count, even when one sweep passes over both", () => {
    const store = new MemoryLimitStore({ maxSubjects: 10 });
    for (let i = 0; i < 5; i++) {
      const groups = ["route", "total"].map((scope) => ({
        scope,
        subject: `caller-${i}`,
        rules: [quota("day", 1)],
      }));
      const request = { groups, cost: 0, nowMs: NOON };
      expect(store.decide(request).isGranted).toBe(true);
      expect(store.decide(request).isGranted).toBe(false);
      expect(store.size).toBe(2 * (i + 1));
    }
  });
});

describe("a clock that moves", () => {
  test("back and forth by a little brings no more than one that stands", () => {
    const store = new MemoryLimitStore();
    const groups = group(bucket(3, 1, 100), sliding(3, 1_000));
    const request = { groups, cost: 0, nowMs: NOON };
    for (let i = 0; i < 3; i++) expect(store.decide(request).isGranted).toBe(true);
    for (let i = 0; i < 100; i++)
      expect(store.decide({ ...request, nowMs: NOON - (i % 2) * 900 }).isGranted).toBe(false);
  });

  test("back to another day and forth again brings no second allowance of either", () => {
    const store = new MemoryLimitStore();
    expect(passing(store, QUOTA, {}, 2)).toBe(2);
    const yesterday = NOON - DAY_MS;
    // What was used counts on the earlier day too; there it is used up.
    expect(passing(store, QUOTA, { nowMs: yesterday })).toBe(1);
    expect(passing(store, QUOTA)).toBe(1);
    expect(passing(store, QUOTA, { nowMs: yesterday })).toBe(0);
    expect(passing(store, QUOTA)).toBe(0);
    expect(passing(store, QUOTA, { nowMs: NOON + DAY_MS })).toBe(3);
  });

  test("back does not make the day that it was set back from forgotten", () => {
    const store = new MemoryLimitStore();
    expect(passing(store, QUOTA)).toBe(3);
    expect(passing(store, QUOTA, { nowMs: NOON - DAY_MS })).toBe(0);
    for (let i = 0; i < 100; i++)
      ask(store, RATE, { subject: `caller-${i}`, nowMs: NOON - HOUR_MS });
    expect(passing(store, QUOTA)).toBe(0);
  });

  test("back does not make a spent quota forgotten early", () => {
    const store = new MemoryLimitStore();
    expect(passing(store, QUOTA)).toBe(3);
    // The rest of the day lasts an hour longer than it seemed.
    const early = NOON - HOUR_MS;
    for (let i = 0; i < 13 * 60; i++)
      ask(store, RATE, { subject: `caller-${i}`, nowMs: early + i * 60_000 });
    expect(passing(store, QUOTA, { nowMs: early + 13 * HOUR_MS - 1 })).toBe(0);
  });
});
