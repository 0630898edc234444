/** The contract of what is refilled or runs out all the time: buckets, sliding windows, and slots of running requests. */
import { expect, test } from "vitest";
import { CONCURRENCY_RETRY_MS, DAY_MS, SLIDING_SLOTS } from "./limit-store.ts";
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

export function describeRates(withTrial: WithTrial, { isExactClock }: StoreUnderTest): void {
  test(
    "a bucket lets its burst through and no more",
    withTrial(async (trial) => {
      expect(await trial.passing(group(bucket(5, 1, 600_000)))).toBe(5);
    }),
  );

  test(
    "a sliding window lets its number through and no more",
    withTrial(async (trial) => {
      expect(await trial.passing(group(sliding(5, 600_000)))).toBe(5);
    }),
  );

  test.each([
    { name: "bucket", rules: group(bucket(2, 1, 300)), longestMs: 300 },
    // Two slots: the oldest counts whole, and slots are whole milliseconds.
    { name: "sliding window", rules: group(sliding(2, 310)), longestMs: 330 },
  ])(
    "a $name that refuses passes a request after the wait that it told",
    async ({ rules, longestMs }) => {
      await withTrial(async (trial) => {
        await trial.granted(rules);
        await trial.granted(rules);
        const { retryAfterMs, refusedBy } = await trial.refused(rules);
        expect(refusedBy.rule).toBe(rules[0]?.rules[0]);
        expect(retryAfterMs).toBeGreaterThan(0);
        expect(retryAfterMs).toBeLessThanOrEqual(longestMs);
        await trial.advance(retryAfterMs);
        expect((await trial.granted(rules)).isGranted).toBe(true);
      })();
    },
  );

  test(
    "requests that ask at once get no more than those that ask in turn",
    withTrial(async (trial) => {
      const rules = group(bucket(7, 1, 600_000), sliding(9, 600_000), quota("month", 11));
      const verdicts = await Promise.all(Array.from({ length: 60 }, () => trial.ask(rules)));
      expect(verdicts.filter(({ isGranted }) => isGranted)).toHaveLength(7);
      expect(remaining(await trial.refused(rules))).toEqual([0, 2, 4]);
    }),
  );

  test(
    "concurrency counts what runs: a finished request makes room, once",
    withTrial(async (trial) => {
      const rules = group(concurrency(2));
      const first = await trial.granted(rules);
      await trial.granted(rules);
      const third = await trial.refused(rules);
      expect(third.retryAfterMs).toBe(CONCURRENCY_RETRY_MS);
      expect(third.refusedBy.resetMs).toBe(0);
      await trial.finish(first);
      await trial.finish(first);
      expect(await trial.passing(rules)).toBe(1);
    }),
  );

  if (!isExactClock) return;

  test(
    "a bucket lets one request through for each refill",
    withTrial(async (trial) => {
      const rules = group(bucket(5, 10, 1000));
      expect(await trial.passing(rules)).toBe(5);
      await trial.advance(99);
      expect(await trial.passing(rules)).toBe(0);
      await trial.advance(1);
      expect(await trial.passing(rules)).toBe(1);
      await trial.advance(250);
      expect(await trial.passing(rules)).toBe(2);
      await trial.advance(60_000);
      expect(await trial.passing(rules)).toBe(5);
    }),
  );

  test(
    "an empty bucket says to the millisecond when it will let a request through, and keeps its word",
    withTrial(async (trial) => {
      const rules = group(bucket(3, 3, 7_000));
      await trial.passing(rules);
      await trial.advance(100);
      const { retryAfterMs, refusedBy } = await trial.refused(rules);
      expect(refusedBy.resetMs).toBe(6_900);
      await trial.advance(retryAfterMs - 1);
      expect(await trial.passing(rules)).toBe(0);
      await trial.advance(1);
      expect(await trial.passing(rules)).toBe(1);
    }),
  );

  test(
    "a sliding window says to the millisecond when it will let a request through, and keeps its word",
    withTrial(async (trial) => {
      const rules = group(sliding(3, 60_000));
      await trial.granted(rules);
      await trial.advance(20_000);
      await trial.passing(rules);
      await trial.advance(10_000);
      const { retryAfterMs } = await trial.refused(rules);
      await trial.advance(retryAfterMs - 1);
      expect(await trial.passing(rules)).toBe(0);
      await trial.advance(1);
      // The two of 20 seconds later are still counted.
      expect(await trial.passing(rules)).toBe(1);
    }),
  );

  test(
    "a sliding window counts a request for all of its span, wherever in a slot it came",
    withTrial(async (trial) => {
      const windowMs = 31 * 32;
      const rules = group(sliding(1, windowMs));
      for (let offsetMs = 0; offsetMs < 40; offsetMs++) {
        await trial.granted(rules);
        await trial.advance(windowMs - 1);
        const { retryAfterMs } = await trial.refused(rules);
        await trial.advance(retryAfterMs - 1);
        await trial.refused(rules);
        await trial.advance(1);
        await trial.granted(rules);
        await trial.advance(2 * windowMs + offsetMs);
      }
    }),
  );

  test(
    "a sliding window is whole again when its reading says so, at most two slots after the window",
    withTrial(async (trial) => {
      const windowMs = 1_000;
      const rules = group(sliding(4, windowMs));
      const { readings } = await trial.granted(rules);
      const resetMs = readings[0]?.resetMs ?? 0;
      expect(resetMs).toBeGreaterThanOrEqual(windowMs);
      expect(resetMs).toBeLessThanOrEqual(windowMs + (2 * windowMs) / (SLIDING_SLOTS - 1) + 2);
      await trial.advance(resetMs);
      expect(await trial.passing(rules)).toBe(4);
    }),
  );

  test(
    "a clock set back refills nothing and locks nobody out",
    withTrial(async (trial) => {
      const rules = group(bucket(3, 1, 1000), sliding(100, 60_000));
      expect(await trial.passing(rules)).toBe(3);
      await trial.advance(-DAY_MS);
      expect(await trial.passing(rules)).toBe(0);
      await trial.advance(1000);
      expect(await trial.passing(rules)).toBe(1);
      await trial.advance(9_000);
      expect(await trial.passing(rules)).toBe(3);
      const window = group(sliding(9, 60_000));
      // Seven were counted before.
      expect(await trial.passing(window)).toBe(2);
      await trial.advance(70_000);
      expect(await trial.passing(window)).toBe(9);
    }),
  );
}
