/**
 * The contract of limit stores: every store runs the same tests. A store is added as a row of `STORES`; what only one
 * of them promises stands in its own test file.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  type BucketRule,
  type ConcurrencyRule,
  type LimitGroup,
  type LimitRule,
  type LimitStore,
  type LimitVerdict,
  type QuotaRule,
} from "./limit-store.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

interface OpenStore {
  readonly store: LimitStore;
  readonly close: () => Promise<void>;
}

interface StoreUnderTest {
  readonly name: string;
  /** An empty store of its own for each test. */
  readonly open: () => Promise<OpenStore>;
}

const STORES: readonly StoreUnderTest[] = [
  {
    name: "memory",
    open: async () => ({ store: new MemoryLimitStore(), close: async () => {} }),
  },
];

/** A Sunday, 12:00:00 UTC. */
const NOON = Date.UTC(2026, 10, 22, 12);
const WINDOW_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

const bucket = (limit: number, count: number, perMs: number): BucketRule => ({
  kind: "bucket",
  name: "rate",
  limit,
  count,
  perMs,
});
const quota = (kind: QuotaRule["kind"], limit: number): QuotaRule => ({
  kind,
  name: kind,
  limit,
  windowMs: WINDOW_MS[kind],
});
const concurrency = (limit: number): ConcurrencyRule => ({
  kind: "concurrency",
  name: "concurrency",
  limit,
});
const group = (...rules: LimitRule[]): LimitGroup[] => [{ scope: "route", rules }];

const remaining = (verdict: LimitVerdict): number[] =>
  verdict.readings.map((reading) => reading.remaining);

describe.each(STORES)("the $name store", ({ open }) => {
  const withStore = (body: (store: LimitStore) => Promise<void>) => async (): Promise<void> => {
    const { store, close } = await open();
    try {
      await body(store);
    } finally {
      await close();
    }
  };

  /** How many of `attempts` requests at one moment pass. */
  const passing = async (
    store: LimitStore,
    groups: readonly LimitGroup[],
    nowMs: number,
    attempts = 50,
  ): Promise<number> => {
    let passed = 0;
    for (let i = 0; i < attempts; i++)
      if ((await store.decide("a", groups, nowMs)).isGranted) passed++;
    return passed;
  };

  test(
    "a bucket lets its burst through, then one request for each refill",
    withStore(async (store) => {
      const rules = group(bucket(5, 10, 1000));
      expect(await passing(store, rules, NOON)).toBe(5);
      expect(await passing(store, rules, NOON + 99)).toBe(0);
      expect(await passing(store, rules, NOON + 100)).toBe(1);
      expect(await passing(store, rules, NOON + 350)).toBe(2);
      expect(await passing(store, rules, NOON + 60_000)).toBe(5);
    }),
  );

  test(
    "an empty bucket says to the millisecond when it will let a request through, and keeps its word",
    withStore(async (store) => {
      const rules = group(bucket(3, 3, 7_000));
      await passing(store, rules, NOON);
      const verdict = await store.decide("a", rules, NOON + 100);
      if (verdict.isGranted) throw new Error("granted");
      expect(verdict.refusedBy.rule.kind).toBe("bucket");
      expect(verdict.refusedBy.resetMs).toBe(6_900);
      const at = NOON + 100 + verdict.retryAfterMs;
      expect(await passing(store, rules, at - 1)).toBe(0);
      expect(await passing(store, rules, at)).toBe(1);
    }),
  );

  test.each([
    { kind: "minute", last: NOON + 59_999, next: NOON + 60_000 },
    { kind: "hour", last: NOON + HOUR_MS - 1, next: NOON + HOUR_MS },
    { kind: "day", last: Date.UTC(2026, 10, 22, 23, 59, 59, 999), next: Date.UTC(2026, 10, 23) },
  ] as const)(
    "a quota a $kind holds to the last millisecond of its UTC window and is new in the next",
    async ({ kind, last, next }) => {
      await withStore(async (store) => {
        const rules = group(quota(kind, 4));
        expect(await passing(store, rules, NOON + 30_000)).toBe(4);
        const verdict = await store.decide("a", rules, last);
        if (verdict.isGranted) throw new Error("granted");
        expect(verdict.refusedBy.rule.kind).toBe(kind);
        expect(verdict.retryAfterMs).toBe(next - last);
        expect(await passing(store, rules, next)).toBe(4);
      })();
    },
  );

  test(
    "a day ends at midnight UTC across a leap day and the end of a year",
    withStore(async (store) => {
      const rules = group(quota("day", 1));
      for (const [year, month, day] of [
        [2028, 1, 28],
        [2028, 1, 29],
        [2028, 2, 1],
        [2028, 11, 31],
        [2029, 0, 1],
      ] as const) {
        expect(await passing(store, rules, Date.UTC(year, month, day, 23, 59, 59))).toBe(1);
      }
    }),
  );

  test(
    "concurrency counts what runs: a released lease makes room, once",
    withStore(async (store) => {
      const rules = group(concurrency(2));
      const first = await store.decide("a", rules, NOON);
      const second = await store.decide("a", rules, NOON);
      const third = await store.decide("a", rules, NOON);
      expect([first.isGranted, second.isGranted, third.isGranted]).toEqual([true, true, false]);
      if (!first.isGranted || !first.lease) throw new Error("no lease");
      store.release(first.lease);
      store.release(first.lease);
      expect(await passing(store, rules, NOON)).toBe(1);
    }),
  );

  test(
    "without a concurrency rule there is nothing to release",
    withStore(async (store) => {
      const verdict = await store.decide("a", group(bucket(1, 1, 1000)), NOON);
      expect(verdict.isGranted && verdict.lease).toBeUndefined();
    }),
  );

  test(
    "a refusal by any one limit spends none of the others",
    withStore(async (store) => {
      const all = group(bucket(100, 1, 1000), quota("minute", 50), quota("day", 1), concurrency(9));
      expect(remaining(await store.decide("a", all, NOON))).toEqual([99, 49, 0, 8]);
      for (let i = 0; i < 20; i++) {
        const verdict = await store.decide("a", all, NOON);
        expect(verdict.isGranted).toBe(false);
        expect(remaining(verdict)).toEqual([99, 49, 0, 8]);
      }
    }),
  );

  test(
    "groups are decided together too: a refusal in one scope spends nothing in the other",
    withStore(async (store) => {
      const groups: LimitGroup[] = [
        { scope: "route", rules: [bucket(10, 1, 1000), concurrency(10)] },
        { scope: "all", rules: [quota("hour", 2), concurrency(10)] },
      ];
      await store.decide("a", groups, NOON);
      const granted = await store.decide("a", groups, NOON);
      const refused = await store.decide("a", groups, NOON);
      expect(granted.isGranted).toBe(true);
      expect(remaining(granted)).toEqual([8, 8, 0, 8]);
      expect(refused.isGranted).toBe(false);
      expect(remaining(refused)).toEqual([8, 8, 0, 8]);
      if (!granted.isGranted || !granted.lease) throw new Error("no lease");
      store.release(granted.lease);
      expect(remaining(await store.decide("a", groups, NOON))).toEqual([8, 9, 0, 9]);
    }),
  );

  test(
    "of several empty limits the one with the longest wait is named, and its wait is the answer",
    withStore(async (store) => {
      const rules = group(quota("minute", 1), bucket(1, 1, 10_000), concurrency(1));
      await store.decide("a", rules, NOON + 55_000);
      const verdict = await store.decide("a", rules, NOON + 55_000);
      if (verdict.isGranted) throw new Error("granted");
      expect(verdict.refusedBy.rule.kind).toBe("bucket");
      expect(verdict.retryAfterMs).toBe(10_000);
    }),
  );

  test(
    "subjects and scopes do not touch each other, whatever their names",
    withStore(async (store) => {
      const names = ["a", "a:b", "b", "", "__proto__", "constructor", "a\n", "ä"];
      for (const scope of names)
        for (const subject of names) {
          const verdict = await store.decide(subject, [{ scope, rules: [quota("day", 1)] }], NOON);
          expect(verdict.isGranted, JSON.stringify({ scope, subject })).toBe(true);
        }
    }),
  );

  test(
    "what was used stays used when the numbers change",
    withStore(async (store) => {
      await passing(store, group(bucket(10, 10, 1000), quota("day", 10)), NOON, 8);
      const smaller = group(bucket(9, 9, 60_000), quota("day", 5));
      const verdict = await store.decide("a", smaller, NOON);
      expect(verdict.isGranted).toBe(false);
      expect(remaining(verdict)).toEqual([1, 0]);
      expect(remaining(await store.decide("a", group(bucket(10, 10, 1000)), NOON))).toEqual([1]);
    }),
  );

  test(
    "a clock set back refills nothing and locks nobody out",
    withStore(async (store) => {
      const rules = group(bucket(3, 1, 1000), quota("minute", 100));
      expect(await passing(store, rules, NOON)).toBe(3);
      const earlier = NOON - DAY_MS;
      expect(await passing(store, rules, earlier)).toBe(0);
      expect(await passing(store, rules, earlier + 1000)).toBe(1);
      expect(await passing(store, rules, earlier + 10_000)).toBe(3);
      const quotas = group(quota("minute", 7));
      expect(await passing(store, quotas, earlier + 10_000)).toBe(0);
      expect(await passing(store, quotas, earlier + 60_000)).toBe(7);
    }),
  );

  test("the bucket agrees with an exact model at every request, and never over-admits", async () => {
    const steps = fc.array(fc.oneof(fc.nat(5), fc.nat(2_000)), { minLength: 1, maxLength: 120 });
    const numbers = fc.record({
      limit: fc.integer({ min: 1, max: 20 }),
      count: fc.integer({ min: 1, max: 40 }),
      perMs: fc.constantFrom(1, 7, 1000, 60_000),
    });
    await fc.assert(
      fc.asyncProperty(numbers, steps, async ({ limit, count, perMs }, gaps) => {
        await withStore(async (store) => {
          const rules = group(bucket(limit, count, perMs));
          const admitted: number[] = [];
          // The model: tokens as an exact fraction over perMs, in big integers.
          let level = BigInt(limit) * BigInt(perMs);
          let nowMs = NOON;
          for (const gapMs of gaps) {
            nowMs += gapMs;
            const full = BigInt(limit) * BigInt(perMs);
            level += BigInt(gapMs) * BigInt(count);
            if (level > full) level = full;
            const isExpected = level >= BigInt(perMs);
            if (isExpected) level -= BigInt(perMs);
            const verdict = await store.decide("a", rules, nowMs);
            expect(verdict.isGranted).toBe(isExpected);
            expect(remaining(verdict)).toEqual([Number(level / BigInt(perMs))]);
            if (verdict.isGranted) admitted.push(nowMs);
          }
          // Independent of the model: in every span, at most the burst and what the rate brings.
          for (let i = 0; i < admitted.length; i++)
            for (let j = i; j < admitted.length; j++) {
              const spanMs = (admitted[j] as number) - (admitted[i] as number);
              expect((j - i + 1 - limit) * perMs).toBeLessThanOrEqual(spanMs * count);
            }
        })();
      }),
      { numRuns: 150 },
    );
  });

  test("quotas never let more than their number into one calendar window", async () => {
    const gaps = fc.array(fc.oneof(fc.nat(1_000), fc.nat(HOUR_MS), fc.nat(DAY_MS)), {
      minLength: 1,
      maxLength: 150,
    });
    const limits = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 }));
    await fc.assert(
      fc.asyncProperty(limits, gaps, async ([minute, day], waits) => {
        await withStore(async (store) => {
          const rules = group(quota("minute", minute), quota("day", day));
          const used = new Map<string, number>();
          const usedIn = (key: string): number => used.get(key) ?? 0;
          let nowMs = NOON;
          for (const waitMs of waits) {
            nowMs += waitMs;
            // The calendar itself as the model: the text of the date is the window.
            const text = new Date(nowMs).toISOString();
            const windows = [text.slice(0, 16), text.slice(0, 10)] as const;
            const isExpected = usedIn(windows[0]) < minute && usedIn(windows[1]) < day;
            const verdict = await store.decide("a", rules, nowMs);
            expect(verdict.isGranted).toBe(isExpected);
            if (isExpected) for (const window of windows) used.set(window, usedIn(window) + 1);
          }
        })();
      }),
      { numRuns: 150 },
    );
  });

  test("whatever runs and ends, concurrency is never exceeded and comes back to zero", async () => {
    const moves = fc.array(fc.record({ starts: fc.boolean(), pick: fc.nat() }), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), moves, async (limit, list) => {
        await withStore(async (store) => {
          const rules = group(concurrency(limit), quota("day", 1_000));
          const leases: object[] = [];
          for (const { starts, pick } of list) {
            if (starts) {
              const verdict = await store.decide("a", rules, NOON);
              expect(verdict.isGranted).toBe(leases.length < limit);
              if (verdict.isGranted && verdict.lease) leases.push(verdict.lease);
            } else if (leases.length > 0) {
              const [lease] = leases.splice(pick % leases.length, 1);
              store.release(lease as object);
              if (pick % 3 === 0) store.release(lease as object);
            }
          }
          for (const lease of leases) store.release(lease);
          expect(await passing(store, rules, NOON, limit + 3)).toBe(limit);
        })();
      }),
      { numRuns: 150 },
    );
  });
});
