/**
 * Whatever happens on the way to a real Redis: exact limits never over-admit, leased ones never beyond the stated bound,
 * cost stays within the cap and what requests ran over, slots come back, and counters end up saying what was used.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestLink } from "../../src/stores/limits/redis/redis-limits.test-support.ts";
import type { LimitRule } from "../../src/stores/limits/limit-store.ts";
import type { RedisLink } from "../../src/stores/redis/redis-link.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import {
  budgetOf,
  BUCKETS,
  bySubject,
  expectSpentWithin,
  expectWithinBucket,
  expectWithinSpan,
  expectWithinWindows,
  grantedOf,
  groupsOf,
  partsOf,
  QUOTAS,
  SLIDINGS,
  SLOTS,
  witnessOf,
  WRONG_CLOCKS,
} from "./limits-bounds.ts";
import { LEASE_MS, RedisBackend } from "./limits-redis-backend.ts";
import { FATES, NOON_MS, play, scheduleOf, SUBJECTS, type Step } from "./limits-schedule.ts";
import { LimitsWorld, type Admission, type Fate } from "./limits-world.ts";

/** Every step is a message to a real server. */
const RUNS = { numRuns: 100 };
const LIMIT_MS = 240_000;
const REPORTED_WITHIN_MS = 5_000;
const ANY = scheduleOf({ hasJumps: true, hasCrashes: true });
/** So that no lease ends but those of the crashed. */
const BRIEFLY = { hasJumps: true, hasCrashes: true, maxAdvanceMs: 2_000 };
const BRIEF = scheduleOf(BRIEFLY);
const OTHER_FATES = fc.array(FATES, { maxLength: 12 });

let server: RedisServer;
let link: RedisLink;
beforeAll(async () => {
  server = await startRedis();
  link = await openTestLink(server.port);
});
afterAll(async () => {
  await link?.close();
  await server?.stop();
});

interface Script {
  readonly rules: readonly LimitRule[];
  readonly skewsMs: readonly number[];
  readonly steps: readonly Step[];
  readonly fates: readonly Fate[];
  readonly look?: (world: LimitsWorld) => void;
}

interface Played {
  readonly world: LimitsWorld;
  readonly backend: RedisBackend;
  /** By subject. */
  readonly shared: Admission[][];
  readonly parts: Admission[][];
}

/** `judge` sees how it ended; all stores are closed afterwards. */
async function played(
  { rules, skewsMs, steps, fates, look }: Script,
  judge: (end: Played) => Promise<void> | void,
): Promise<void> {
  const backend = await RedisBackend.start({ link, startMs: NOON_MS, fates });
  const world = new LimitsWorld({ backend, groups: groupsOf(...rules), skewsMs });
  try {
    await play(world, steps, () => look?.(world));
    await judge({
      world,
      backend,
      shared: bySubject(world.admissions, "shared", SUBJECTS),
      parts: bySubject(world.admissions, "part", SUBJECTS),
    });
  } finally {
    world.endAll();
    await backend.settle();
    await backend.close();
  }
}

const leased = <Rule extends LimitRule>(rule: Rule): Rule => ({
  ...rule,
  limit: rule.limit * 4,
  speed: "leased",
});
/** Enough questions to be worth taking units ahead, and to use up limits of some size. */
const EAGER = ANY.map((steps): Step[] =>
  steps.map((step) => (step.do === "ask" ? { ...step, times: step.times * 5 } : step)),
);
/** What all replicas may hold ahead of one counter: a quarter of the limit, shared by them. */
const aheadOf = ({ limit }: LimitRule, replicas: number): number =>
  replicas * Math.floor(limit / (4 * replicas));

describe.skipIf(!hasRedis())("exact limits on Redis", () => {
  test(
    "a bucket never over-admits",
    () =>
      fc.assert(
        fc.asyncProperty(BUCKETS, WRONG_CLOCKS, ANY, OTHER_FATES, (rule, skewsMs, steps, fates) =>
          played({ rules: [rule], skewsMs, steps, fates }, ({ world, shared, parts }) => {
            for (const list of shared) expectWithinBucket(list, rule.limit, rule);
            for (const list of parts) expectWithinBucket(list, partsOf(world, rule), rule);
          }),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );

  test(
    "a sliding window never over-admits",
    () =>
      fc.assert(
        fc.asyncProperty(SLIDINGS, WRONG_CLOCKS, ANY, OTHER_FATES, (rule, skewsMs, steps, fates) =>
          played({ rules: [rule], skewsMs, steps, fates }, ({ world, shared, parts }) => {
            for (const list of shared) expectWithinSpan(list, rule.limit, rule.windowMs);
            for (const list of parts) expectWithinSpan(list, partsOf(world, rule), rule.windowMs);
          }),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );

  test(
    "a calendar quota never over-admits, whatever the clocks of replicas say",
    () =>
      fc.assert(
        fc.asyncProperty(QUOTAS, WRONG_CLOCKS, ANY, OTHER_FATES, (rule, skewsMs, steps, fates) =>
          played({ rules: [rule], skewsMs, steps, fates }, ({ world, shared, parts }) => {
            for (const list of shared) expectWithinWindows(list, rule.limit, rule);
            for (const list of parts) expectWithinWindows(list, 2 * partsOf(world, rule), rule);
          }),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );

  test(
    "slots are never more than the limit and come back, those of crashed replicas when their lease ends",
    () =>
      fc.assert(
        fc.asyncProperty(SLOTS, WRONG_CLOCKS, BRIEF, OTHER_FATES, (rule, skewsMs, steps, fates) => {
          const look = ({ replicas }: LimitsWorld): void => {
            const running = replicas.flatMap((one) =>
              one.running.map(({ admission }) => admission),
            );
            for (const list of bySubject(running, "shared", SUBJECTS))
              expect(list.length).toBeLessThanOrEqual(rule.limit);
          };
          return played(
            { rules: [rule], skewsMs, steps, fates, look },
            async ({ world, backend }) => {
              world.endAll();
              await backend.settle();
              await backend.advance(2 * LEASE_MS);
              for (const subject of SUBJECTS)
                expect(await grantedOf(world, { replica: 0, subject, of: rule.limit + 3 })).toBe(
                  rule.limit,
                );
            },
          );
        }),
        RUNS,
      ),
    LIMIT_MS,
  );

  test(
    "cost is never spent beyond the cap and what requests themselves ran over",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 4, max: 120 }),
          WRONG_CLOCKS,
          ANY,
          OTHER_FATES,
          (number, skewsMs, steps, fates) =>
            played(
              { rules: [budgetOf(number, "deny")], skewsMs, steps, fates },
              ({ shared, parts }) => {
                for (const list of shared) expectSpentWithin(list, number);
                expect(parts.flat()).toEqual([]);
              },
            ),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );
});

describe.skipIf(!hasRedis())("counters on Redis", () => {
  const witnesses = [witnessOf("requests"), witnessOf("cost")];
  const tight = fc.tuple(BUCKETS, SLIDINGS, SLOTS);
  /** Links break and all other messages have their fates: nobody is in doubt about what was let through. */
  const undoubted = scheduleOf({
    ...BRIEFLY,
    hasJumps: false,
    hasCrashes: false,
    hasDoubts: false,
  });
  const costOf = (list: readonly Admission[]): number =>
    list.reduce((sum, one) => sum + (one.spentCost ?? one.reservedCost), 0);

  test(
    "say in the end what was let through, by the store and by parts, each once, and nothing else",
    () =>
      fc.assert(
        fc.asyncProperty(
          tight,
          WRONG_CLOCKS,
          undoubted,
          OTHER_FATES,
          (some, skewsMs, steps, fates) =>
            played({ rules: [...some, ...witnesses], skewsMs, steps, fates }, async (end) => {
              const { world, backend } = end;
              world.endAll();
              await backend.settle();
              for (const [i, subject] of SUBJECTS.entries()) {
                const all = [...(end.shared[i] ?? []), ...(end.parts[i] ?? [])];
                let looks = 0;
                const used = async (): Promise<number[]> => {
                  looks++;
                  const asked = {
                    groups: groupsOf(...witnesses)(subject),
                    cost: 0,
                    nowMs: NOON_MS,
                  };
                  const { readings } = await world.replica(0).connection.shared.decide(asked);
                  return readings.map(({ rule, remaining }) => rule.limit - remaining);
                };
                let said: number[] = [];
                await until(
                  "late use has been reported",
                  async () => {
                    said = await used();
                    return said[0] === all.length + looks && said[1] === costOf(all);
                  },
                  REPORTED_WITHIN_MS,
                ).catch(() => undefined);
                expect(said).toEqual([all.length + looks, costOf(all)]);
              }
            }),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );
});

describe.skipIf(!hasRedis())("leased limits on Redis", () => {
  test(
    "a bucket admits at most what replicas may hold ahead beyond its limit",
    () =>
      fc.assert(
        fc.asyncProperty(
          BUCKETS.map(leased),
          WRONG_CLOCKS,
          EAGER,
          OTHER_FATES,
          (rule, skewsMs, steps, fates) =>
            played({ rules: [rule], skewsMs, steps, fates }, ({ shared }) => {
              const most = rule.limit + aheadOf(rule, skewsMs.length);
              for (const list of shared) expectWithinBucket(list, most, rule);
            }),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );

  test(
    "a calendar quota admits no more than its limit: units ahead end with their window",
    () =>
      fc.assert(
        fc.asyncProperty(
          QUOTAS.map(leased),
          WRONG_CLOCKS,
          EAGER,
          OTHER_FATES,
          (rule, skewsMs, steps, fates) =>
            played({ rules: [rule], skewsMs, steps, fates }, ({ shared }) => {
              for (const list of shared) expectWithinWindows(list, rule.limit, rule);
            }),
        ),
        RUNS,
      ),
    LIMIT_MS,
  );
});
