/**
 * Whatever happens to replicas, their links and their clocks: the shared store admits exactly, and what is let through
 * without it stays within the bound that `GuardedLimitStore` states, in outages of any length and number.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BucketRule, LimitRule, QuotaRule } from "../../src/stores/limits/limit-store.ts";
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
  RIGHT_CLOCKS,
  SLIDINGS,
  SLOTS,
  witnessOf,
  WRONG_CLOCKS,
} from "./limits-bounds.ts";
import { NOON_MS, play, scheduleOf, SUBJECTS, type Step } from "./limits-schedule.ts";
import { LEASE_MS, SimulatedServer } from "./limits-simulated-server.ts";
import { LimitsWorld, type Admission } from "./limits-world.ts";

const RUNS = { numRuns: 400 };
const ANY = scheduleOf({ hasJumps: true, hasCrashes: true });
const CALM = scheduleOf({ hasJumps: false, hasCrashes: false });

interface Played {
  readonly world: LimitsWorld;
  readonly server: SimulatedServer;
  /** By subject. */
  readonly shared: Admission[][];
  readonly parts: Admission[][];
}

interface Script {
  readonly rules: readonly LimitRule[];
  readonly skewsMs: readonly number[];
  readonly steps: readonly Step[];
  readonly look?: (world: LimitsWorld, server: SimulatedServer) => void;
}

async function played({ rules, skewsMs, steps, look }: Script): Promise<Played> {
  const server = new SimulatedServer(NOON_MS);
  const world = new LimitsWorld({ backend: server, groups: groupsOf(...rules), skewsMs });
  await play(world, steps, () => look?.(world, server));
  return {
    world,
    server,
    // All that the server let through, also what no replica heard of.
    shared: bySubject(server.admissions, "shared", SUBJECTS),
    parts: bySubject(world.admissions, "part", SUBJECTS),
  };
}

describe("in any number of outages of any length", () => {
  test("a bucket admits its limit by the store and at most as much again by parts", async () => {
    await fc.assert(
      fc.asyncProperty(BUCKETS, WRONG_CLOCKS, ANY, async (rule, skewsMs, steps) => {
        const { world, shared, parts } = await played({ rules: [rule], skewsMs, steps });
        for (const list of shared) expectWithinBucket(list, rule.limit, rule);
        for (const list of parts) expectWithinBucket(list, partsOf(world, rule), rule);
      }),
      RUNS,
    );
  });

  test("a bucket's parts refill together as fast as the bucket", async () => {
    const slow = BUCKETS.map((rule): BucketRule => ({ ...rule, count: 1, perMs: 1_000 }));
    await fc.assert(
      fc.asyncProperty(slow, RIGHT_CLOCKS, CALM, async (rule, skewsMs, steps) => {
        const { world, parts } = await played({ rules: [rule], skewsMs, steps });
        for (const list of parts) expectWithinBucket(list, partsOf(world, rule), rule);
      }),
      RUNS,
    );
  });

  test("a sliding window admits its limit by the store and at most as much again by parts", async () => {
    await fc.assert(
      fc.asyncProperty(SLIDINGS, WRONG_CLOCKS, ANY, async (rule, skewsMs, steps) => {
        const { world, shared, parts } = await played({ rules: [rule], skewsMs, steps });
        for (const list of shared) expectWithinSpan(list, rule.limit, rule.windowMs);
        for (const list of parts) expectWithinSpan(list, partsOf(world, rule), rule.windowMs);
      }),
      RUNS,
    );
  });

  test("a calendar quota admits its limit by the store, and by parts as much again where clocks are right", async () => {
    await fc.assert(
      fc.asyncProperty(QUOTAS, RIGHT_CLOCKS, CALM, async (rule, skewsMs, steps) => {
        const { world, shared, parts } = await played({ rules: [rule], skewsMs, steps });
        for (const list of shared) expectWithinWindows(list, rule.limit, rule);
        for (const list of parts) expectWithinWindows(list, partsOf(world, rule), rule);
      }),
      RUNS,
    );
  });

  test("a calendar quota gives in parts at most what was last read as left", async () => {
    const monthly = QUOTAS.map((rule): QuotaRule => ({ ...rule, kind: "month" }));
    await fc.assert(
      fc.asyncProperty(monthly, RIGHT_CLOCKS, CALM, async (rule, skewsMs, steps) => {
        const { parts } = await played({ rules: [rule], skewsMs, steps });
        for (const list of parts)
          expect(list.length).toBeLessThanOrEqual(
            Math.max(0, ...list.map(({ lastRead }) => lastRead ?? rule.limit)),
          );
      }),
      RUNS,
    );
  });

  test("where clocks are wrong or set, a part may be given for two windows, and by the store still nothing too much", async () => {
    await fc.assert(
      fc.asyncProperty(QUOTAS, WRONG_CLOCKS, ANY, async (rule, skewsMs, steps) => {
        const { world, shared, parts } = await played({ rules: [rule], skewsMs, steps });
        for (const list of shared) expectWithinWindows(list, rule.limit, rule);
        for (const list of parts) expectWithinWindows(list, 2 * partsOf(world, rule), rule);
      }),
      RUNS,
    );
  });

  test("slots: the limit by the store and as many by parts; when all has ended none is taken", async () => {
    await fc.assert(
      fc.asyncProperty(SLOTS, WRONG_CLOCKS, ANY, async (rule, skewsMs, steps) => {
        const part = Math.floor(rule.limit / skewsMs.length);
        const look = ({ replicas }: LimitsWorld, server: SimulatedServer): void => {
          for (const subject of SUBJECTS) {
            expect(server.runningOf(subject)).toBeLessThanOrEqual(rule.limit);
            for (const { running } of replicas) {
              const own = running.filter(
                ({ admission }) => admission.by === "part" && admission.subject === subject,
              );
              expect(own.length).toBeLessThanOrEqual(part);
            }
          }
        };
        const { world, server } = await played({ rules: [rule], skewsMs, steps, look });
        world.endAll();
        // What was late arrives with the first, and is over with the second.
        await world.advance(LEASE_MS);
        await world.advance(2 * LEASE_MS);
        for (const subject of SUBJECTS) {
          expect(server.runningOf(subject)).toBe(0);
          expect(await grantedOf(world, { replica: 0, subject, of: rule.limit + 3 })).toBe(
            rule.limit,
          );
          for (let replica = 0; replica < skewsMs.length; replica++) {
            world.replica(replica).link.turn("down");
            expect(await grantedOf(world, { replica, subject, of: part + 3 })).toBe(part);
            world.replica(replica).link.turn("up");
          }
        }
      }),
      RUNS,
    );
  });
});

describe("cost", () => {
  const cap = fc.integer({ min: 4, max: 120 });

  test("that is denied in an outage is never spent beyond the cap and what requests themselves ran over", async () => {
    await fc.assert(
      fc.asyncProperty(cap, WRONG_CLOCKS, ANY, async (number, skewsMs, steps) => {
        const rules = [budgetOf(number, "deny")];
        const { shared, parts } = await played({ rules, skewsMs, steps });
        for (const list of shared) expectSpentWithin(list, number);
        expect(parts.flat()).toEqual([]);
      }),
      RUNS,
    );
  });

  test("that is shared in an outage is spent at most once more", async () => {
    await fc.assert(
      fc.asyncProperty(cap, RIGHT_CLOCKS, CALM, async (number, skewsMs, steps) => {
        const rules = [budgetOf(number, "share")];
        const { shared, parts } = await played({ rules, skewsMs, steps });
        for (const list of [...shared, ...parts]) expectSpentWithin(list, number);
      }),
      RUNS,
    );
  });
});

describe("many limits together", () => {
  test("a refusal by one spends none of the others: counters hold what was let through and nothing else", async () => {
    const numbers = fc.tuple(BUCKETS, SLIDINGS, SLOTS);
    const witnesses = [witnessOf("requests"), witnessOf("cost")];
    await fc.assert(
      fc.asyncProperty(numbers, WRONG_CLOCKS, ANY, async (tight, skewsMs, steps) => {
        const rules = [...tight, ...witnesses];
        const { world, server } = await played({ rules, skewsMs, steps });
        world.endAll();
        await world.advance(LEASE_MS);
        await world.advance(2 * LEASE_MS);
        for (const [i, list] of bySubject(server.admissions, "shared", SUBJECTS).entries()) {
          const verdict = server.store.decide({
            groups: groupsOf(...witnesses)(SUBJECTS[i] as string),
            cost: 0,
            nowMs: server.nowMs,
          });
          const used = verdict.readings.map(({ rule, remaining }) => rule.limit - remaining);
          const cost = list.reduce((sum, one) => sum + (one.spentCost ?? one.reservedCost), 0);
          expect(used).toEqual([list.length + 1, cost]);
        }
      }),
      RUNS,
    );
  });
});
