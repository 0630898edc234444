/** The contract of limits that count cost: the worst case is reserved, and corrected exactly once. */
import { describe, expect, test } from "vitest";
import { windowOf } from "./calendar-window.ts";
import type { LimitGroup } from "./limit-store.ts";
import {
  bucket,
  concurrency,
  group,
  quota,
  remaining,
  sliding,
  type StoreUnderTest,
  type WithTrial,
} from "./limit-trial.test-support.ts";

/** Far too slow to refill within a test. */
const BUDGETS: { kind: string; groups: LimitGroup[] }[] = [
  { kind: "bucket", groups: group(bucket(100, 1, 60_000_000, "cost")) },
  { kind: "sliding", groups: group(sliding(100, 60_000_000, "cost")) },
  { kind: "day", groups: group(quota("day", 100, "cost", "Pacific/Honolulu")) },
  { kind: "month", groups: group(quota("month", 100, "cost")) },
];

export function describeCost(withTrial: WithTrial, { isExactClock }: StoreUnderTest): void {
  describe.each(BUDGETS)("of kind $kind", ({ groups }) => {
    test(
      "what is reserved is taken at once",
      withTrial(async (trial) => {
        expect(remaining(await trial.granted(groups, 60))).toEqual([40]);
        expect(remaining(await trial.refused(groups, 41))).toEqual([40]);
        expect(remaining(await trial.granted(groups, 40))).toEqual([0]);
        await trial.refused(groups, 1);
      }),
    );

    test(
      "what was not used is given back, once",
      withTrial(async (trial) => {
        const verdict = await trial.granted(groups, 60);
        await trial.finish(verdict, 25);
        await trial.finish(verdict, 0);
        await trial.finish(verdict, undefined);
        expect(remaining(await trial.granted(groups, 0))).toEqual([75]);
      }),
    );

    test(
      "what was used beyond the reserve is taken too, also beyond the limit",
      withTrial(async (trial) => {
        const first = await trial.granted(groups, 10);
        await trial.finish(first, 70);
        await trial.finish(first, 70);
        expect(remaining(await trial.granted(groups, 0))).toEqual([30]);
        await trial.finish(await trial.granted(groups, 30), 90);
        const refused = await trial.refused(groups, 1);
        expect(remaining(refused)).toEqual([0]);
        expect(refused.retryAfterMs).toBeGreaterThan(0);
      }),
    );

    test(
      "a request whose cost stays unknown costs what it reserved",
      withTrial(async (trial) => {
        await trial.finish(await trial.granted(groups, 60), undefined);
        await trial.finish(await trial.granted(groups, 10), Number.NaN);
        await trial.finish(await trial.granted(groups, 10), -5);
        expect(remaining(await trial.granted(groups, 0))).toEqual([20]);
      }),
    );

    test(
      "parts of a unit count whole",
      withTrial(async (trial) => {
        const verdict = await trial.granted(groups, 9.2);
        expect(remaining(verdict)).toEqual([90]);
        await trial.finish(verdict, 3.5);
        expect(remaining(await trial.granted(groups, 0))).toEqual([96]);
      }),
    );

    test(
      "a request that costs more than the whole limit never passes and spends nothing",
      withTrial(async (trial) => {
        const { retryAfterMs, readings } = await trial.refused(groups, 101);
        expect(Number.isFinite(retryAfterMs)).toBe(true);
        expect(retryAfterMs).toBeGreaterThan(0);
        expect(readings[0]?.remaining).toBe(100);
        await trial.refused(groups, Number.POSITIVE_INFINITY);
        await trial.refused(groups, Number.NaN);
        expect(remaining(await trial.granted(groups, 100))).toEqual([0]);
      }),
    );

    test(
      "requests that ask and finish at once end at what was used",
      withTrial(async (trial) => {
        const verdicts = await Promise.all(
          Array.from({ length: 10 }, () => trial.granted(groups, 10)),
        );
        await Promise.all(verdicts.map((verdict, index) => trial.finish(verdict, index)));
        expect(remaining(await trial.granted(groups, 0))).toEqual([100 - 45]);
      }),
    );

    test(
      "what was used stays used, and is corrected, when the limit changes",
      withTrial(async (trial) => {
        const rule = groups[0]?.rules[0];
        if (!rule) throw new Error("no rule");
        const smaller: LimitGroup[] = group({ ...rule, limit: 50 });
        const verdict = await trial.granted(groups, 60);
        expect(remaining(await trial.refused(smaller, 1))).toEqual([0]);
        await trial.finish(verdict, 20);
        expect(remaining(await trial.granted(smaller, 0))).toEqual([30]);
      }),
    );
  });

  test(
    "requests and cost are counted apart, and one finish corrects every limit that counts cost",
    withTrial(async (trial) => {
      const groups: LimitGroup[] = [
        {
          scope: "route",
          subject: "a",
          rules: [quota("month", 9), quota("month", 500, "cost"), concurrency(3)],
        },
        {
          scope: "total",
          subject: "",
          rules: [bucket(800, 1, 60_000_000, "cost"), bucket(7, 1, 60_000_000)],
        },
      ];
      const verdict = await trial.granted(groups, 200);
      expect(remaining(verdict)).toEqual([8, 300, 2, 600, 6]);
      await trial.finish(verdict, 50);
      expect(remaining(await trial.granted(groups, 0))).toEqual([7, 450, 2, 750, 5]);
    }),
  );

  if (!isExactClock) return;

  test(
    "cost reserved in a window that has ended is not given back to the next",
    withTrial(async (trial) => {
      const groups = group(quota("hour", 100, "cost"));
      const { endMs } = windowOf("hour", "UTC", trial.nowMs);
      await trial.goTo(endMs - 1000);
      const early = await trial.granted(groups, 90);
      await trial.goTo(endMs);
      await trial.granted(groups, 40);
      await trial.finish(early, 0);
      expect(remaining(await trial.granted(groups, 0))).toEqual([60]);
    }),
  );

  test(
    "cost beyond the reserve of a window that has ended is taken from the current one",
    withTrial(async (trial) => {
      const groups = group(quota("hour", 100, "cost"), sliding(100, 60_000, "cost"));
      const { endMs } = windowOf("hour", "UTC", trial.nowMs);
      await trial.goTo(endMs - 1000);
      const early = await trial.granted(groups, 10);
      await trial.goTo(endMs + 120_000);
      await trial.granted(groups, 40);
      await trial.finish(early, 30);
      expect(remaining(await trial.granted(groups, 0))).toEqual([40, 40]);
    }),
  );

  test(
    "cost given back to a bucket never makes it fuller than full",
    withTrial(async (trial) => {
      const groups = group(bucket(100, 1, 10, "cost"));
      const verdict = await trial.granted(groups, 80);
      await trial.advance(10_000);
      expect(remaining(await trial.granted(groups, 0))).toEqual([100]);
      await trial.finish(verdict, 0);
      expect(remaining(await trial.granted(groups, 100))).toEqual([0]);
      await trial.refused(groups, 1);
    }),
  );

  test(
    "cost given back to a sliding window is that of the slot it was taken in",
    withTrial(async (trial) => {
      const groups = group(sliding(100, 31_000, "cost"));
      const early = await trial.granted(groups, 50);
      await trial.advance(20_000);
      await trial.granted(groups, 50);
      await trial.finish(early, 10);
      expect(remaining(await trial.granted(groups, 0))).toEqual([40]);
      await trial.advance(13_000);
      expect(remaining(await trial.granted(groups, 0))).toEqual([50]);
    }),
  );
}
