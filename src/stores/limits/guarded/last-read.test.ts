/** What is remembered of quotas between answers that come in any order, windows that end, and limits that change. */
import { describe, expect, test } from "vitest";
import { DAY_MS, type QuotaRule } from "../limit-store.ts";
import { LastRead } from "./last-read.ts";

const RULE: QuotaRule = {
  kind: "day",
  name: "daily",
  limit: 40,
  unit: "requests",
  speed: "exact",
  onStoreFailure: "share",
  timeZone: "UTC",
};

/** Reads one after the other: what was left, how long until the window ends, when. */
function leftAfter(
  readings: readonly (readonly [remaining: number, resetMs: number, atMs: number])[],
  rules: readonly QuotaRule[] = [RULE],
): number | undefined {
  const last = new LastRead();
  let nowMs = 0;
  for (const [at, [remaining, resetMs, atMs]] of readings.entries()) {
    const rule = rules[at % rules.length] as QuotaRule;
    const group = { scope: "total", subject: "a", rules: [rule] };
    nowMs = atMs;
    last.remember([group], [{ rule, remaining, resetMs }], () => nowMs);
  }
  return last.remainingOf({ scope: "total", subject: "a", rules: [RULE] }, RULE, nowMs);
}

describe("what was last read", () => {
  test("is the least of a window, in whichever order answers come", () => {
    expect(
      leftAfter([
        [20, 5_000, 0],
        [21, 5_002, 1],
      ]),
    ).toBe(20);
    expect(
      leftAfter([
        [21, 5_000, 0],
        [20, 5_002, 1],
      ]),
    ).toBe(20);
  });

  test("begins anew with the next window, also when the clocks are a little apart", () => {
    expect(
      leftAfter([
        [0, 30, 0],
        [39, DAY_MS, 20],
      ]),
    ).toBe(39);
  });

  test("follows a limit that was changed, and cost that was given back", () => {
    expect(
      leftAfter(
        [
          [1, 5_000, 0],
          [61, 5_000, 1],
        ],
        [RULE, { ...RULE, limit: 100 }],
      ),
    ).toBe(61);
    const cost: QuotaRule = { ...RULE, unit: "cost" };
    const last = new LastRead();
    const group = { scope: "total", subject: "a", rules: [cost] };
    for (const remaining of [10, 30])
      last.remember([group], [{ rule: cost, remaining, resetMs: 5_000 }], () => 0);
    expect(last.remainingOf(group, cost, 0)).toBe(30);
  });

  test("never outlives its window", () => {
    const last = new LastRead();
    const group = { scope: "total", subject: "a", rules: [RULE] };
    last.remember([group], [{ rule: RULE, remaining: 3, resetMs: 100 }], () => 0);
    expect(last.remainingOf(group, RULE, 99)).toBe(3);
    expect(last.remainingOf(group, RULE, 100)).toBeUndefined();
  });
});
