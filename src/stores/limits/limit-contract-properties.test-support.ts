/** The contract of limit stores over random histories: no order of requests, ends and waits gets more than the rules. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mostIn, play, steps, type Passed } from "./limit-history.test-support.ts";
import { HOUR_MS, DAY_MS } from "./limit-store.ts";
import {
  bucket,
  concurrency,
  group,
  quota,
  remaining,
  sliding,
  type Granted,
  type WithTrial,
} from "./limit-trial.test-support.ts";

/** Histories tried for each property: enough to find a rounding error in each kind, and bearable over a network. */
const RUNS = { numRuns: 100 };

export function describeProperties(withTrial: WithTrial): void {
  test("the bucket agrees with an exact model at every request, and never over-admits", async () => {
    const gaps = fc.array(fc.oneof(fc.nat(5), fc.nat(2_000)), { minLength: 1, maxLength: 100 });
    const numbers = fc.record({
      limit: fc.integer({ min: 1, max: 20 }),
      count: fc.integer({ min: 1, max: 40 }),
      perMs: fc.constantFrom(1, 7, 1000, 60_000),
    });
    await fc.assert(
      fc.asyncProperty(numbers, gaps, async ({ limit, count, perMs }, waits) => {
        await withTrial(async (trial) => {
          const rules = group(bucket(limit, count, perMs));
          const admitted: number[] = [];
          // The model: tokens as an exact fraction over perMs, in big integers.
          const full = BigInt(limit) * BigInt(perMs);
          let level = full;
          for (const waitMs of waits) {
            await trial.advance(waitMs);
            level += BigInt(waitMs) * BigInt(count);
            if (level > full) level = full;
            const isExpected = level >= BigInt(perMs);
            if (isExpected) level -= BigInt(perMs);
            const verdict = await trial.ask(rules);
            expect(verdict.isGranted).toBe(isExpected);
            expect(remaining(verdict)).toEqual([Number(level / BigInt(perMs))]);
            if (verdict.isGranted) admitted.push(trial.nowMs);
          }
          // Independent of the model: in every span, at most the burst and what the rate brings.
          for (let i = 0; i < admitted.length; i++)
            for (let j = i; j < admitted.length; j++) {
              const spanMs = (admitted[j] as number) - (admitted[i] as number);
              expect((j - i + 1 - limit) * perMs).toBeLessThanOrEqual(spanMs * count);
            }
        })();
      }),
      RUNS,
    );
  });

  test("a sliding window never lets more than its number into any span, and lets it in again in time", async () => {
    const numbers = fc.record({
      limit: fc.integer({ min: 1, max: 6 }),
      windowMs: fc.constantFrom(1, 10, 31, 100, 31 * 32, 3_200),
    });
    const gaps = fc.array(fc.oneof(fc.nat(3), fc.nat(100), fc.nat(4_000)), { maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(numbers, gaps, async ({ limit, windowMs }, waits) => {
        await withTrial(async (trial) => {
          const rules = group(sliding(limit, windowMs));
          const admitted: Passed[] = [];
          const slackMs = 2 * Math.ceil(windowMs / 31) + 31;
          for (const waitMs of waits) {
            await trial.advance(waitMs);
            const { isGranted } = await trial.ask(rules);
            const recent = admitted.filter(({ atMs }) => atMs > trial.nowMs - windowMs - slackMs);
            if (isGranted) admitted.push({ atMs: trial.nowMs, units: 1 });
            else expect(recent.length).toBeGreaterThanOrEqual(limit);
          }
          // Both ends of a span of `windowMs - 1` are whole milliseconds of one window.
          expect(mostIn(admitted, windowMs - 1)).toBeLessThanOrEqual(limit);
        })();
      }),
      RUNS,
    );
  });

  test("quotas agree with the calendar at every request", async () => {
    const gaps = fc.array(fc.oneof(fc.nat(1_000), fc.nat(HOUR_MS), fc.nat(DAY_MS)), {
      minLength: 1,
      maxLength: 120,
    });
    const limits = fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(limits, gaps, async ([minute, day, month], waits) => {
        await withTrial(async (trial) => {
          const rules = group(quota("minute", minute), quota("day", day), quota("month", month));
          const used = new Map<string, number>();
          const usedIn = (key: string): number => used.get(key) ?? 0;
          for (const waitMs of waits) {
            await trial.advance(waitMs);
            // The calendar itself as the model: the text of the date is the window.
            const text = new Date(trial.nowMs).toISOString();
            const windows = [text.slice(0, 16), text.slice(0, 10), text.slice(0, 7)] as const;
            const left = [
              minute - usedIn(windows[0]),
              day - usedIn(windows[1]),
              month - usedIn(windows[2]),
            ];
            const isExpected = left.every((units) => units > 0);
            const verdict = await trial.ask(rules);
            expect(verdict.isGranted).toBe(isExpected);
            expect(remaining(verdict)).toEqual(left.map((units) => units - Number(isExpected)));
            if (isExpected) for (const window of windows) used.set(window, usedIn(window) + 1);
          }
        })();
      }),
      RUNS,
    );
  });

  test("whatever ends with less than its reserve, a bucket of cost never passes more than it was refilled", async () => {
    const numbers = fc.record({
      limit: fc.integer({ min: 30, max: 90 }),
      count: fc.integer({ min: 1, max: 5 }),
      perMs: fc.constantFrom(1, 13, 500),
    });
    await fc.assert(
      fc.asyncProperty(numbers, steps(3_000, 100), async ({ limit, count, perMs }, history) => {
        await withTrial(async (trial) => {
          const startedAtMs = trial.nowMs;
          const passed = await play(trial, group(bucket(limit, count, perMs, "cost")), history);
          let sum = 0;
          for (const { atMs, units } of passed) {
            sum += units;
            expect((sum - limit) * perMs).toBeLessThanOrEqual((atMs - startedAtMs) * count);
          }
        })();
      }),
      RUNS,
    );
  });

  test("whatever ends with less than its reserve, a sliding window of cost is never exceeded in any span", async () => {
    const windowMs = 1_000;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 30, max: 90 }),
        steps(400, 100),
        async (limit, history) => {
          await withTrial(async (trial) => {
            const passed = await play(trial, group(sliding(limit, windowMs, "cost")), history);
            expect(mostIn(passed, windowMs - 1)).toBeLessThanOrEqual(limit);
          })();
        },
      ),
      RUNS,
    );
  });

  test("cost in a calendar window exceeds the limit by no more than requests used beyond their reserve", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 30, max: 200 }),
        steps(HOUR_MS / 4, 150),
        async (limit, history) => {
          await withTrial(async (trial) => {
            const passed = await play(trial, group(quota("hour", limit, "cost")), history);
            const hours = new Map<number, number>();
            for (const { atMs, units } of passed) {
              const hour = Math.floor(atMs / HOUR_MS);
              hours.set(hour, (hours.get(hour) ?? 0) + units);
            }
            // Nothing reserves more than the limit; each may use half as much again.
            for (const units of hours.values()) expect(units).toBeLessThanOrEqual(limit * 1.5);
          })();
        },
      ),
      RUNS,
    );
  });

  test("whatever runs and ends, concurrency is never exceeded and comes back to zero", async () => {
    const moves = fc.array(fc.record({ starts: fc.boolean(), pick: fc.nat() }), { maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), moves, async (limit, list) => {
        await withTrial(async (trial) => {
          const rules = group(concurrency(limit), quota("month", 1_000));
          const running: Granted[] = [];
          for (const { starts, pick } of list) {
            if (starts) {
              const verdict = await trial.ask(rules);
              expect(verdict.isGranted).toBe(running.length < limit);
              if (verdict.isGranted) running.push(verdict);
            } else if (running.length > 0) {
              const [one] = running.splice(pick % running.length, 1);
              await trial.finish(one as Granted);
              if (pick % 3 === 0) await trial.finish(one as Granted);
            }
          }
          for (const one of running) await trial.finish(one);
          expect(await trial.passing(rules, limit + 3)).toBe(limit);
        })();
      }),
      RUNS,
    );
  });
}
