/**
 * The store that counts in memory, against whoever chooses subjects or has the clock set: no two subjects ever share or
 * lend an allowance, and a clock that is set gives at most what its windows say.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MINUTE_MS,
  type BucketRule,
  type LimitGroup,
  type LimitRule,
  type QuotaRule,
  type SlidingRule,
} from "../../src/stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../src/stores/limits/memory-limit-store.ts";
import { NOON_MS } from "./limits-schedule.ts";

const COMMON = { unit: "requests", speed: "exact", onStoreFailure: "deny" } as const;
const quota = (limit: number): QuotaRule => ({
  ...COMMON,
  kind: "minute",
  timeZone: "UTC",
  name: "quota",
  limit,
});
const bucket = (limit: number): BucketRule => ({
  ...COMMON,
  kind: "bucket",
  name: "rate",
  limit,
  count: 1,
  perMs: 10_000,
});
const sliding = (limit: number): SlidingRule => ({
  ...COMMON,
  kind: "sliding",
  name: "sliding",
  limit,
  windowMs: MINUTE_MS,
});

function passing(
  store: MemoryLimitStore,
  groups: readonly LimitGroup[],
  nowMs: number,
  attempts = 12,
): number {
  let passed = 0;
  for (let i = 0; i < attempts; i++)
    if (store.decide({ groups, cost: 0, nowMs }).isGranted) passed++;
  return passed;
}

describe("subjects", () => {
  /** What separates the parts of somebody's key somewhere, and what objects and stores stumble over. */
  const hostile = fc.constantFrom(
    ..."a|ab|b|:|::|a:b|/|\0|\n| |{|}|{a}|%3A|é|e\u0301|A|а|__proto__|constructor|toString|".split(
      "|",
    ),
  );
  const text = fc.oneof(
    hostile,
    fc.array(hostile, { maxLength: 3 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  const names = fc.record({ scope: text, subject: text });

  test("that differ in anything have allowances of their own", () => {
    fc.assert(
      fc.property(fc.uniqueArray(names, { maxLength: 30, selector: nameOf }), (list) => {
        const store = new MemoryLimitStore();
        for (const rule of [quota(3), bucket(3), sliding(3)] as LimitRule[])
          for (const name of list)
            expect(passing(store, [{ ...name, rules: [rule] }], NOON_MS)).toBe(3);
      }),
      { numRuns: 200 },
    );
  });

  test("that come in a flood win back nothing for one of them, and none of them gets more than its own", () => {
    const store = new MemoryLimitStore({ maxSubjects: 100 });
    const of = (subject: string): LimitGroup[] => [{ scope: "route", subject, rules: [quota(3)] }];
    expect(passing(store, of("evader"), NOON_MS)).toBe(3);
    for (let i = 0; i < 5_000; i++)
      expect(passing(store, of(`flood-${i}`), NOON_MS, 4)).toBeLessThanOrEqual(3);
    expect(passing(store, of("evader"), NOON_MS)).toBe(0);
  });
});

const nameOf = ({ scope, subject }: { scope: string; subject: string }): string =>
  JSON.stringify([scope, subject]);

describe("a clock", () => {
  /** True time passes, and the clock is set by so much before each request. */
  const moves = fc.array(
    fc.record({
      passMs: fc.oneof(fc.nat(20), fc.nat(5_000), fc.nat(90_000)),
      setMs: fc.nat(86_400_000),
    }),
    { minLength: 1, maxLength: 80 },
  );

  /** Requests that pass, at the true time. */
  function admittedAt(
    rule: LimitRule,
    steps: readonly { passMs: number; setMs: number }[],
    sign: 1 | -1 | 0,
  ): number[] {
    const store = new MemoryLimitStore();
    const groups = [{ scope: "route", subject: "a", rules: [rule] }];
    const admitted: number[] = [];
    let trueMs = 0;
    let offsetMs = NOON_MS;
    for (const { passMs, setMs } of steps) {
      trueMs += passMs;
      // Most of the time nobody touches it.
      if (setMs % 3 === 0) offsetMs += sign * setMs;
      for (let i = 0; i < 3; i++)
        if (store.decide({ groups, cost: 0, nowMs: trueMs + offsetMs }).isGranted)
          admitted.push(trueMs);
    }
    return admitted;
  }

  test("that is set back, again and again, refills no bucket", () => {
    fc.assert(
      fc.property(moves, fc.integer({ min: 1, max: 9 }), (steps, limit) => {
        const rule = bucket(limit);
        const admitted = admittedAt(rule, steps, -1);
        for (let i = 0; i < admitted.length; i++)
          for (let j = i; j < admitted.length; j++) {
            const spanMs = (admitted[j] as number) - (admitted[i] as number);
            expect((j - i + 1 - limit) * rule.perMs).toBeLessThanOrEqual(spanMs * rule.count);
          }
      }),
      { numRuns: 200 },
    );
  });

  test("that is set back, again and again, lets no sliding window have more than its limit", () => {
    fc.assert(
      fc.property(moves, fc.integer({ min: 1, max: 9 }), (steps, limit) => {
        const admitted = admittedAt(sliding(limit), steps, -1);
        for (const fromMs of admitted)
          expect(
            admitted.filter((atMs) => atMs >= fromMs && atMs < fromMs + MINUTE_MS).length,
          ).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 200 },
    );
  });

  /** Set forth it begins a window at once, and either way the next one begins at another time than it would have. */
  test.each([
    { where: "back", sign: -1 as const, windowsEach: 1 },
    { where: "forth", sign: 1 as const, windowsEach: 2 },
  ])(
    "that is set $where begins at most $windowsEach more windows of a quota each time",
    ({ sign, windowsEach }) => {
      fc.assert(
        fc.property(moves, fc.integer({ min: 1, max: 9 }), (steps, limit) => {
          const times = steps.filter(({ setMs }) => setMs % 3 === 0).length;
          const spanMs = steps.reduce((sum, { passMs }) => sum + passMs, 0);
          // One that runs at the start, one that begins soon after, and those that fill the time.
          const windows = 2 + Math.floor(spanMs / MINUTE_MS) + windowsEach * times;
          expect(admittedAt(quota(limit), steps, sign).length).toBeLessThanOrEqual(limit * windows);
        }),
        { numRuns: 200 },
      );
    },
  );

  test("that leaps over windows gives one allowance, not one for each of them", () => {
    const store = new MemoryLimitStore();
    const groups = [{ scope: "route", subject: "a", rules: [quota(4), bucket(8), sliding(6)] }];
    expect(passing(store, groups, NOON_MS)).toBe(4);
    expect(passing(store, groups, NOON_MS + 365 * 86_400_000)).toBe(4);
  });
});
