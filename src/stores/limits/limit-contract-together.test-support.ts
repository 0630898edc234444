/** The contract of deciding all limits of a request at once, and of keeping counters apart. */
import { describe, expect, test } from "vitest";
import { MINUTE_MS, type LimitGroup, type LimitRule } from "./limit-store.ts";
import {
  bucket,
  concurrency,
  group,
  quota,
  remaining,
  sliding,
  type StoreUnderTest,
  type Trial,
  type WithTrial,
} from "./limit-trial.test-support.ts";

/** So slow that nothing is refilled within a test. */
const SLOW_MS = 60_000_000;

/** Each would refuse the second request, of 10 units of cost. */
const REFUSERS: { name: string; rule: LimitRule }[] = [
  { name: "bucket", rule: bucket(1, 1, SLOW_MS) },
  { name: "sliding window", rule: sliding(1, SLOW_MS) },
  { name: "quota", rule: quota("month", 1) },
  { name: "concurrency", rule: concurrency(1) },
  { name: "bucket of cost", rule: bucket(19, 1, SLOW_MS, "cost") },
  { name: "sliding window of cost", rule: sliding(19, SLOW_MS, "cost") },
  { name: "quota of cost", rule: quota("month", 19, "cost") },
];

/** One of every counter, none of which refuses. */
const OTHERS: LimitGroup = {
  scope: "others",
  subject: "a",
  rules: [
    bucket(100, 1, SLOW_MS),
    sliding(200, SLOW_MS),
    quota("month", 300),
    concurrency(400),
    bucket(500, 1, SLOW_MS, "cost"),
    sliding(600, SLOW_MS, "cost"),
    quota("month", 700, "cost"),
  ],
};
const AFTER_ONE = [99, 199, 299, 399, 490, 590, 690];

export function describeTogether(withTrial: WithTrial, { isExactClock }: StoreUnderTest): void {
  describe.each(REFUSERS)("a refusal by a $name", ({ rule }) => {
    const refuser: LimitGroup = { scope: "refuser", subject: "a", rules: [rule] };

    test.each([
      { place: "first", groups: [refuser, OTHERS], at: 0 },
      { place: "last", groups: [OTHERS, refuser], at: OTHERS.rules.length },
    ])("that stands $place spends none of the others", async ({ groups, at }) => {
      await withTrial(async (trial) => {
        await trial.granted(groups, 10);
        for (let i = 0; i < 5; i++) {
          const verdict = await trial.refused(groups, 10);
          expect(verdict.refusedBy).toBe(verdict.readings[at]);
          expect(verdict.refusedBy.rule).toBe(rule);
          expect(remaining(verdict).toSpliced(at, 1)).toEqual(AFTER_ONE);
        }
        expect(remaining(await trial.granted([OTHERS], 0))).toEqual([
          98, 198, 298, 398, 490, 590, 690,
        ]);
      })();
    });
  });

  test(
    "readings come in the order of the groups and their rules, and name the rules that were asked",
    withTrial(async (trial) => {
      const groups: LimitGroup[] = [
        { scope: "z", subject: "1", rules: [concurrency(3), bucket(5, 1, SLOW_MS)] },
        { scope: "none", subject: "", rules: [] },
        { scope: "a", subject: "2", rules: [quota("month", 4, "cost"), sliding(2, SLOW_MS)] },
      ];
      const rules = groups.flatMap((each) => each.rules);
      const first = await trial.granted(groups, 1);
      const second = await trial.granted(groups, 1);
      const third = await trial.refused(groups, 1);
      expect([first, second, third].map(remaining)).toEqual([
        [2, 4, 3, 1],
        [1, 3, 2, 0],
        [1, 3, 2, 0],
      ]);
      for (const { readings } of [first, second, third])
        for (const [index, reading] of readings.entries()) expect(reading.rule).toBe(rules[index]);
    }),
  );

  test(
    "a request without limits passes",
    withTrial(async (trial) => {
      expect(await trial.granted([], 5)).toMatchObject({ readings: [], hold: undefined });
    }),
  );

  test(
    "without cost and concurrency there is nothing to give back",
    withTrial(async (trial) => {
      const rules = group(bucket(9, 1, SLOW_MS), sliding(9, SLOW_MS), quota("month", 9));
      expect((await trial.granted(rules, 5)).hold).toBeUndefined();
    }),
  );

  test(
    "a hold that is not of this store changes nothing",
    withTrial(async (trial) => {
      await trial.granted(group(concurrency(2)));
      trial.store.finish({}, 0);
      expect(remaining(await trial.granted(group(concurrency(2))))).toEqual([0]);
    }),
  );

  test(
    "of several empty limits the one with the longest wait is named, and its wait is the answer",
    withTrial(async (trial) => {
      const rules = group(concurrency(1), sliding(1, MINUTE_MS), bucket(1, 1, SLOW_MS));
      await trial.granted(rules);
      const { refusedBy, retryAfterMs } = await trial.refused(rules);
      expect(refusedBy.rule.kind).toBe("bucket");
      expect(retryAfterMs).toBe(refusedBy.resetMs);
      expect(retryAfterMs).toBeGreaterThan(SLOW_MS - MINUTE_MS);
    }),
  );

  test(
    "subjects and scopes do not touch each other, whatever their names",
    withTrial(async (trial) => {
      const names = [
        "a",
        "a:b",
        "b",
        "",
        "__proto__",
        "constructor",
        "a\n",
        "ä",
        "{a}",
        "a\u0000b",
      ];
      const rules = [quota("month", 1)];
      for (const scope of names)
        for (const subject of names)
          await trial.granted([{ scope, subject, rules }, ...strangers(scope, subject)]);
      for (const scope of names)
        for (const subject of names) await trial.refused([{ scope, subject, rules }]);
    }),
  );

  describeReload(withTrial);

  if (!isExactClock) return;

  test(
    "a retry after the wait that was told passes all limits at once",
    withTrial(async (trial) => {
      const rules = group(
        bucket(30, 1, 777, "cost"),
        sliding(2, 5_000),
        sliding(35, 3_000, "cost"),
        quota("minute", 4),
      );
      let refusals = 0;
      for (let i = 0; i < 60; i++) {
        refusals += await retried(trial, rules, 1 + ((i * 7) % 30));
        await trial.advance((i * 131) % 900);
      }
      expect(refusals).toBeGreaterThan(20);
    }),
  );
}

/** Other counters for the same request: they show whether a name leaks into its neighbours. */
const strangers = (scope: string, subject: string): LimitGroup[] => [
  { scope: `${scope}${subject}`.repeat(2), subject: "stranger", rules: [concurrency(1_000)] },
];

/** 1 when the request was refused first. It passes at the moment that was told, and not a millisecond before. */
async function retried(trial: Trial, rules: LimitGroup[], cost: number): Promise<number> {
  const verdict = await trial.ask(rules, cost);
  if (verdict.isGranted) return 0;
  await trial.advance(verdict.retryAfterMs - 1);
  await trial.refused(rules, cost);
  await trial.advance(1);
  await trial.granted(rules, cost);
  return 1;
}

function describeReload(withTrial: WithTrial): void {
  test(
    "what was used stays used when the numbers change",
    withTrial(async (trial) => {
      const before = group(bucket(10, 1, SLOW_MS), sliding(10, SLOW_MS), quota("month", 10));
      expect(await trial.passing(before, 8)).toBe(8);
      const smaller = group(bucket(9, 1, SLOW_MS * 2), sliding(9, SLOW_MS * 2), quota("month", 5));
      expect(remaining(await trial.refused(smaller))).toEqual([1, 1, 0]);
      const larger = group(bucket(20, 1, SLOW_MS), sliding(20, SLOW_MS), quota("month", 20));
      expect(remaining(await trial.granted(larger))).toEqual([11, 11, 11]);
    }),
  );

  test(
    "a limit of running requests that changes still counts those that run",
    withTrial(async (trial) => {
      const first = await trial.granted(group(concurrency(5)));
      const second = await trial.granted(group(concurrency(5)));
      await trial.refused(group(concurrency(1)));
      await trial.finish(first);
      await trial.refused(group(concurrency(1)));
      await trial.finish(second);
      await trial.granted(group(concurrency(1)));
    }),
  );

  test(
    "a limit that is added starts with nothing used and leaves the others as they are",
    withTrial(async (trial) => {
      expect(await trial.passing(group(quota("month", 5)), 3)).toBe(3);
      const more = group(sliding(4, SLOW_MS), quota("month", 5), bucket(6, 1, SLOW_MS));
      expect(remaining(await trial.granted(more))).toEqual([3, 1, 5]);
    }),
  );
}
