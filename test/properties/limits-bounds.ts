/** Rules as fast-check makes them, and what of each kind must never have been let through. */
import * as fc from "fast-check";
import { expect } from "vitest";
import { windowOf } from "../../src/stores/limits/calendar-window.ts";
import {
  CALENDAR_PERIODS,
  MINUTE_MS,
  type BucketRule,
  type ConcurrencyRule,
  type LimitGroup,
  type LimitRule,
  type QuotaRule,
  type SlidingRule,
} from "../../src/stores/limits/limit-store.ts";
import type { Admission, LimitsWorld } from "./limits-world.ts";

const COMMON = { unit: "requests", speed: "exact", onStoreFailure: "share" } as const;
const limit = fc.integer({ min: 1, max: 24 });

export const BUCKETS: fc.Arbitrary<BucketRule> = fc
  .record({
    limit,
    count: fc.integer({ min: 1, max: 30 }),
    perMs: fc.constantFrom(1, 7, 1_000, MINUTE_MS),
  })
  .map((numbers) => ({ ...COMMON, kind: "bucket", name: "rate", ...numbers }));

export const SLIDINGS: fc.Arbitrary<SlidingRule> = fc
  .record({ limit, windowMs: fc.constantFrom(100, 10_000, MINUTE_MS) })
  .map((numbers) => ({ ...COMMON, kind: "sliding", name: "window", ...numbers }));

export const QUOTAS: fc.Arbitrary<QuotaRule> = fc
  .record({
    limit,
    kind: fc.constantFrom(...CALENDAR_PERIODS),
    timeZone: fc.constantFrom("UTC", "Europe/Zurich", "Australia/Lord_Howe"),
  })
  .map((numbers) => ({ ...COMMON, name: "quota", ...numbers }));

export const SLOTS: fc.Arbitrary<ConcurrencyRule> = limit.map((number) => ({
  ...COMMON,
  kind: "concurrency",
  name: "slots",
  limit: number,
}));

/** Never used up: what it says is left tells what was counted. */
export const witnessOf = (unit: LimitRule["unit"]): QuotaRule => ({
  ...COMMON,
  kind: "month",
  timeZone: "UTC",
  name: `witness of ${unit}`,
  unit,
  limit: 1_000_000,
});

/** A month's budget of cost. */
export const budgetOf = (
  number: number,
  onStoreFailure: LimitRule["onStoreFailure"],
): QuotaRule => ({ ...witnessOf("cost"), name: "budget", limit: number, onStoreFailure });

export const groupsOf =
  (...rules: readonly LimitRule[]) =>
  (subject: string): LimitGroup[] => [{ scope: "route", subject, rules }];

/** One to four replicas whose clocks are right, or all wrong by up to two hours. */
export const RIGHT_CLOCKS: fc.Arbitrary<number[]> = fc
  .integer({ min: 1, max: 4 })
  .map((count) => Array<number>(count).fill(0));
export const WRONG_CLOCKS: fc.Arbitrary<number[]> = fc.array(
  fc.integer({ min: -7_200_000, max: 7_200_000 }),
  { minLength: 1, maxLength: 4 },
);

/** What each subject was let through, by the shared store or by parts, oldest first. */
export function bySubject(
  admissions: readonly Admission[],
  by: Admission["by"],
  subjects: readonly string[],
): Admission[][] {
  return subjects.map((subject) =>
    admissions
      .filter((one) => one.subject === subject && one.by === by)
      .toSorted((a, b) => a.atMs - b.atMs),
  );
}

/** Every replica's part, once for each start of a process, and once more for each time that a clock was set. */
export const partsOf = (world: LimitsWorld, rule: LimitRule): number =>
  (world.starts + world.jumps) * Math.floor(rule.limit / world.replicas.length);

/** In any span at most `burst` and what the rate brings in it. */
export function expectWithinBucket(
  list: readonly Admission[],
  burst: number,
  rule: BucketRule,
): void {
  for (let i = 0; i < list.length; i++)
    for (let j = i; j < list.length; j++) {
      const spanMs = (list[j] as Admission).atMs - (list[i] as Admission).atMs;
      expect((j - i + 1 - burst) * rule.perMs).toBeLessThanOrEqual(spanMs * rule.count);
    }
}

export function expectWithinSpan(list: readonly Admission[], most: number, windowMs: number): void {
  for (const { atMs: fromMs } of list)
    expect(
      list.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + windowMs).length,
    ).toBeLessThanOrEqual(most);
}

export function expectWithinWindows(
  list: readonly Admission[],
  most: number,
  rule: QuotaRule,
): void {
  const used = new Map<number, number>();
  for (const { atMs } of list) {
    const { startMs } = windowOf(rule.kind, rule.timeZone, atMs);
    used.set(startMs, (used.get(startMs) ?? 0) + 1);
  }
  for (const count of used.values()) expect(count).toBeLessThanOrEqual(most);
}

/** At most `most`, and what requests came to cost beyond the worst case that they stated. */
export function expectSpentWithin(list: readonly Admission[], most: number): void {
  let spent = 0;
  let overrun = 0;
  for (const { spentCost, reservedCost } of list) {
    // A request that runs, or whose end nobody heard of, has spent what was reserved.
    spent += spentCost ?? reservedCost;
    overrun += Math.max(0, (spentCost ?? 0) - reservedCost);
  }
  expect(spent).toBeLessThanOrEqual(most + overrun);
}

export async function grantedOf(
  world: LimitsWorld,
  { replica, subject, of }: { replica: number; subject: string; of: number },
): Promise<number> {
  let granted = 0;
  for (let i = 0; i < of; i++) {
    const verdict = await world.ask({ replica, subject, cost: 0, fate: "arrives" });
    if (verdict?.isGranted) granted++;
  }
  return granted;
}
