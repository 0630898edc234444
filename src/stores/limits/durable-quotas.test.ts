/** What is known of quotas after the end of a process: everything after an orderly one, a chunk too much after a crash. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { EmbeddedDatabase } from "../embedded-database.ts";
import { StoreUnavailable } from "../store-unavailable.ts";
import { DurableQuotas } from "./durable-quotas.ts";
import { DAY_MS, HOUR_MS, type LimitGroup } from "./limit-store.ts";
import { bucket, group, quota, remaining } from "./limit-trial.test-support.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";
import { QuotaTable } from "./quota-table.ts";

const NOON = Date.UTC(2026, 10, 22, 12);

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-quotas-"));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** One life of a process that counts in `folder`. */
class Life {
  readonly store: MemoryLimitStore;
  readonly troubles: unknown[] = [];
  nowMs: number;

  constructor(folder: string, { nowMs = NOON, maxSubjects = 1_000 } = {}) {
    this.nowMs = nowMs;
    const durable = DurableQuotas.open({
      path: join(folder, "quotas.db"),
      nowMs: () => this.nowMs,
      onTrouble: (error) => this.troubles.push(error),
    });
    this.store = new MemoryLimitStore({ durable, maxSubjects });
    cleanUps.push(() => this.store.close());
  }

  ask(groups: readonly LimitGroup[], cost = 0) {
    return this.store.decide({ groups, cost, nowMs: this.nowMs });
  }

  passing(groups: readonly LimitGroup[], attempts = 1_000): number {
    let passed = 0;
    for (let i = 0; i < attempts; i++) if (this.ask(groups).isGranted) passed++;
    return passed;
  }
}

/** What a process that was killed now would leave behind. */
function crashed(folder: string): string {
  const copy = newFolder();
  for (const name of readdirSync(folder))
    if (name.startsWith("quotas.db") && !name.includes(".lock") && !name.endsWith("-shm"))
      copyFileSync(join(folder, name), join(copy, name));
  return copy;
}

describe("after an orderly end", () => {
  test.each(["hour", "day", "month"] as const)("the use of a %s is exact", async (kind) => {
    const folder = newFolder();
    const rules = group(quota(kind, 100_000), quota(kind, 50_000, "cost"));
    const life = new Life(folder);
    expect(life.passing(rules, 1_234)).toBe(1_234);
    life.ask(rules, 777);
    await life.store.close();
    expect(remaining(new Life(folder).ask(rules))).toEqual([100_000 - 1_236, 50_000 - 777]);
  });

  test("what was given back and what was used beyond the reserve is known", async () => {
    const folder = newFolder();
    const life = new Life(folder);
    const rules = group(quota("day", 10_000, "cost"));
    for (const used of [10, 900]) {
      const verdict = life.ask(rules, 500);
      if (verdict.isGranted && verdict.hold) life.store.finish(verdict.hold, used);
    }
    await life.store.close();
    expect(remaining(new Life(folder).ask(rules))).toEqual([10_000 - 910]);
  });

  test("nothing passes that the disk does not know of", async () => {
    const life = new Life(newFolder());
    const rules = group(quota("day", 100_000));
    life.passing(rules, 10);
    await life.store.close();
    expect(() => life.ask(rules)).toThrow(StoreUnavailable);
  });

  test("a minute and a bucket begin anew", async () => {
    const folder = newFolder();
    const rules = group(quota("minute", 10), bucket(10, 1, DAY_MS));
    const life = new Life(folder);
    life.passing(rules);
    await life.store.close();
    expect(remaining(new Life(folder).ask(rules))).toEqual([9, 9]);
  });

  test("a window that has ended meanwhile is new, and is forgotten", async () => {
    const folder = newFolder();
    const rules = group(quota("hour", 10), quota("day", 20));
    const life = new Life(folder);
    expect(life.passing(rules)).toBe(10);
    await life.store.close();
    const next = new Life(folder, { nowMs: NOON + HOUR_MS });
    expect(remaining(next.ask(rules))).toEqual([9, 9]);
    await next.store.close();
    const table = new QuotaTable(join(folder, "quotas.db"));
    expect(table.all().map(({ key }) => key.kind)).toEqual(["day", "hour"]);
    expect(table.forget(NOON + DAY_MS, 1)).toBe(1);
    expect(table.forget(NOON + DAY_MS, 100)).toBe(1);
    expect(table.all()).toEqual([]);
    table.close();
  });

  test("another time zone brings no second day", async () => {
    const folder = newFolder();
    const life = new Life(folder);
    expect(life.passing(group(quota("day", 10)))).toBe(10);
    await life.store.close();
    const rules = group(quota("day", 10, "requests", "America/New_York"));
    expect(new Life(folder).passing(rules)).toBe(0);
  });

  test("subjects for whom there is no room go on sharing what is left", async () => {
    const folder = newFolder();
    const of = (subject: string): LimitGroup[] => [
      { scope: "route", subject, rules: [quota("day", 10)] },
    ];
    const life = new Life(folder, { maxSubjects: 3 });
    for (const subject of ["a", "b", "c", "d"]) life.passing(of(subject), 4);
    life.passing(of("e"), 3);
    await life.store.close();
    const next = new Life(folder, { maxSubjects: 2 });
    // Whoever has a place has 6 left; the others had 7 of 10 together, and one more, who had used 4, shares now.
    const left = ["a", "b", "c", "d", "e"].map((subject) => next.passing(of(subject)));
    expect(left.reduce((sum, each) => sum + each)).toBe(6 + 6 + 3);
    expect(next.passing(of("f"))).toBe(0);
  });
});

describe("after a crash", () => {
  test.each([1, 2, 30, 99, 100, 199, 1_000, 100_000])(
    "with a limit of %d nobody gets more, and at most a hundredth or one unit less",
    async (limit) => {
      const folder = newFolder();
      const rules = group(quota("day", limit));
      const life = new Life(folder);
      const most = Math.max(1, limit / 100);
      let left = limit;
      for (let step = 0; step < 40 && left > 0; step++) {
        left -= life.passing(rules, 1 + ((step * step * 3) % 97));
        const next = new Life(crashed(folder));
        const passed = next.passing(rules, limit + 1);
        expect(passed).toBeLessThanOrEqual(left);
        expect(passed).toBeGreaterThanOrEqual(left - most);
        await next.store.close();
      }
    },
  );

  test("in the window after the one that was counted first, nobody gets more either", async () => {
    const folder = newFolder();
    const rules = group(quota("hour", 500), quota("day", 10_000));
    const life = new Life(folder);
    expect(life.passing(rules)).toBe(500);
    life.nowMs += HOUR_MS;
    expect(life.passing(rules, 200)).toBe(200);
    const next = new Life(crashed(folder), { nowMs: life.nowMs });
    const passed = next.passing(rules);
    expect(passed).toBeLessThanOrEqual(300);
    expect(passed).toBeGreaterThanOrEqual(290);
  });

  test("cost beyond the reserve is known at once, and cost given back soon", async () => {
    const folder = newFolder();
    const rules = group(quota("day", 10_000, "cost"));
    const life = new Life(folder);
    const spend = (reserve: number, used: number): void => {
      const verdict = life.ask(rules, reserve);
      if (verdict.isGranted && verdict.hold) life.store.finish(verdict.hold, used);
    };
    const leftAfterCrash = async (): Promise<number> => {
      const next = new Life(crashed(folder));
      const [left = 0] = remaining(next.ask(rules));
      await next.store.close();
      return left;
    };
    spend(10, 3_000);
    expect(await leftAfterCrash()).toBeLessThanOrEqual(7_000);
    spend(6_000, 0);
    await until(
      "what was given back is on the disk",
      async () => (await leftAfterCrash()) >= 6_900,
    );
    expect(await leftAfterCrash()).toBeLessThanOrEqual(7_000);
  });
});

describe("the file", () => {
  test("is one process's alone", () => {
    const folder = newFolder();
    const life = new Life(folder);
    expect(() => new Life(folder)).toThrow(/another process may be using it/);
    expect(life.ask(group(quota("day", 1))).isGranted).toBe(true);
  });

  test("that cannot be made is told as what it is, and not as another process's", () => {
    const path = join(newFolder(), "file");
    writeFileSync(path, "");
    const open = (): unknown => DurableQuotas.open({ path: join(path, "q"), onTrouble: () => {} });
    expect(open).toThrow(/quotas cannot be kept in .*EEXIST/);
    expect(open).not.toThrow(/another process/);
  });

  test("that cannot be written refuses what it would have to know of, and nothing is spent", async () => {
    const folder = newFolder();
    const life = new Life(folder);
    const rules = group(bucket(10, 1, DAY_MS), quota("day", 300));
    life.ask(rules);
    const other = EmbeddedDatabase.open({ path: join(folder, "quotas.db") });
    other.connection.exec("BEGIN IMMEDIATE");
    expect(() => life.passing(rules)).toThrow(StoreUnavailable);
    expect(() => life.passing(rules)).toThrow(StoreUnavailable);
    expect(life.troubles).toHaveLength(1);
    other.connection.exec("ROLLBACK");
    other.close();
    const [inBucket = 0, inQuota = 0] = remaining(life.ask(rules));
    expect(10 - inBucket).toBe(300 - inQuota);
    await life.store.close();
    expect(remaining(new Life(folder).ask(rules))[1]).toBe(inQuota - 1);
  });

  test("takes in what was written to its log, so that the log does not grow for ever", async () => {
    const folder = newFolder();
    const life = new Life(folder, { maxSubjects: 1_000_000 });
    let subjects = 0;
    const burst = (): void => {
      for (let i = 0; i < 100; i++)
        life.ask([{ scope: "route", subject: `caller-${subjects++}`, rules: [quota("day", 9)] }]);
    };
    const isTakenIn = (): boolean => {
      burst();
      return statSync(join(folder, "quotas.db")).size > 50_000;
    };
    await until("the log was moved into the file", isTakenIn, 60_000);
    expect(subjects).toBeGreaterThanOrEqual(1_000);
    expect(life.troubles).toEqual([]);
  }, 90_000);
});
