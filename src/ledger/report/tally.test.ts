import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tally } from "./tally.ts";
import { TimeTable } from "./time-table.ts";

describe("a tally", () => {
  test("is exact while there is room, and never hides how inexact it is when there is not", () => {
    const names = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 400 });
    fc.assert(
      fc.property(names, fc.integer({ min: 2, max: 40 }), fc.nat(10), (added, limit, top) => {
        const tally = new Tally(["name"], limit);
        const truth = new Map<string, number>();
        for (const [seq, number] of added.entries()) {
          tally.add(seq, `n${number}`);
          truth.set(`n${number}`, (truth.get(`n${number}`) ?? 0) + 1);
        }
        const { total, rows, remainder, mayLackUpTo } = tally.report(top);
        expect(total).toBe(added.length);
        expect(rows.reduce((sum, { count }) => sum + count, 0) + remainder.count).toBe(total);
        for (const {
          names: [name],
          count,
        } of rows) {
          const real = truth.get(name ?? "") ?? 0;
          expect(count).toBeLessThanOrEqual(real);
          expect(count + mayLackUpTo).toBeGreaterThanOrEqual(real);
        }
        if (truth.size <= limit) {
          expect(mayLackUpTo).toBe(0);
          expect(remainder.names).toBe(truth.size - rows.length);
        }
      }),
    );
  });

  test("keeps apart what only looks alike: null, its name, and pairs with the separator inside", () => {
    const tally = new Tally(["a", "b"]);
    const pairs = [
      [null, "x"],
      ["null", "x"],
      ["a,b", "c"],
      ["a", "b,c"],
      ['a"', "b"],
      ["a", '"b'],
    ] as const;
    for (const pair of pairs) tally.add(0, ...pair);
    expect(tally.report(10).rows.map(({ names }) => names)).toHaveLength(pairs.length);
    const single = new Tally(["a"]);
    for (const name of [null, "null", "[null]", "=x", "x"]) single.add(0, name);
    expect(single.report(10).rows).toHaveLength(5);
  });

  test("cuts names that are too long, and says so", () => {
    const tally = new Tally(["a"]);
    tally.add(0, "x".repeat(60_000));
    const [row] = tally.report(1).rows;
    expect(row?.names[0]).toBe(`${"x".repeat(256)}... (60000 characters)`);
  });
});

describe("a time table", () => {
  test.each([
    ["hour", 3_600_000, 100],
    ["day", 6 * 3_600_000, 300],
    ["month", 86_400_000, 500],
  ] as const)("goes by the %s when that is short enough", (unit, stepMs, count) => {
    const table = new TimeTable();
    for (let i = 0; i < count; i++)
      table.add(
        new Date(Date.UTC(2026, 0, 1) + i * stepMs).toISOString(),
        i % 3 ? "allow" : "deny",
      );
    const report = table.report();
    expect(report.unit).toBe(unit);
    expect(report.rows.length).toBeLessThanOrEqual(168);
    expect(report.rows.reduce((sum, { allow }) => sum + allow, 0)).toBe(
      count - Math.ceil(count / 3),
    );
    expect(report.rows.reduce((sum, { deny }) => sum + deny, 0)).toBe(Math.ceil(count / 3));
    expect(report.rows.map(({ from }) => from)).toEqual(
      report.rows.map(({ from }) => from).toSorted(),
    );
  });
});
