/** Random histories of requests that reserve, run and end, for properties of limit stores. */
import * as fc from "fast-check";
import type { LimitGroup } from "./limit-store.ts";
import type { Granted, Trial } from "./limit-trial.test-support.ts";

/** What passed: when it was decided, and what it cost in the end. */
export interface Passed {
  readonly atMs: number;
  units: number;
}

/** The most that passed in any span of at most `spanMs`, both ends included. */
export function mostIn(passed: readonly Passed[], spanMs: number): number {
  let most = 0;
  let sum = 0;
  let from = 0;
  for (const { atMs, units } of passed) {
    sum += units;
    while (atMs - (passed[from] as Passed).atMs > spanMs) sum -= (passed[from++] as Passed).units;
    most = Math.max(most, sum);
  }
  return most;
}

/** One step of a history with cost: a wait, then a request that reserves so much, or the end of one that runs. */
export interface Step {
  readonly waitMs: number;
  readonly reserve: number;
  /** Undefined: a request. Otherwise which of the running ones ends. */
  readonly ends: number | undefined;
  /** Of the reserve, in hundredths. */
  readonly usedPercent: number;
}

export const steps = (longestWaitMs: number, mostPercent: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      waitMs: fc.oneof(fc.nat(3), fc.nat(longestWaitMs)),
      reserve: fc.integer({ min: 1, max: 30 }),
      ends: fc.option(fc.nat(), { nil: undefined }),
      usedPercent: fc.nat(mostPercent),
    }),
    { minLength: 1, maxLength: 80 },
  );

/** Plays a history; what still runs at the end finishes then. What was decided is told as it cost in the end. */
export async function play(
  trial: Trial,
  rules: readonly LimitGroup[],
  history: readonly Step[],
): Promise<Passed[]> {
  const passed: Passed[] = [];
  const running: { verdict: Granted; entry: Passed; usedPercent: number }[] = [];
  const end = async (index: number): Promise<void> => {
    const [one] = running.splice(index, 1);
    if (!one) return;
    one.entry.units = Math.floor((one.entry.units * one.usedPercent) / 100);
    await trial.finish(one.verdict, one.entry.units);
  };
  for (const { waitMs, reserve, ends, usedPercent } of history) {
    await trial.advance(waitMs);
    if (ends !== undefined) {
      await end(ends % Math.max(1, running.length));
      continue;
    }
    const verdict = await trial.ask(rules, reserve);
    if (!verdict.isGranted) continue;
    const entry = { atMs: trial.nowMs, units: reserve };
    passed.push(entry);
    running.push({ verdict, entry, usedPercent });
  }
  while (running.length > 0) await end(0);
  return passed;
}
