/** The table that counts sources: its rate, its memory, and that nobody can make it forget what they used. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AddressTable } from "./address-table.ts";

const RULE = { count: 5, perMs: 10_000, maxAddresses: 1_000 };

/** How many of twenty requests at one moment pass. */
const admitted = (table: AddressTable, key: string, nowMs: number, rule = RULE) =>
  Array.from({ length: 20 }, () => table.admit(key, nowMs, rule)).filter((wait) => wait === 0)
    .length;

describe("the rate", () => {
  test("the count passes, wherever in the window it is used, and not one more", () => {
    const table = new AddressTable();
    let passed = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 250)
      if (table.admit("a", nowMs, RULE) === 0) passed++;
    expect(passed).toBe(5);
  });

  test("in the next window the last one still counts, less and less", () => {
    const table = new AddressTable();
    expect(admitted(table, "a", 0)).toBe(5);
    expect(admitted(table, "a", 10_000)).toBe(0);
    expect(admitted(table, "a", 12_000)).toBe(1);
    expect(admitted(table, "a", 16_000)).toBe(2);
    expect(admitted(table, "a", 50_000)).toBe(5);
  });

  test("a refusal says when the next request passes, and keeps its word", () => {
    const gaps = fc.array(fc.nat(4_000), { minLength: 1, maxLength: 60 });
    const counts = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(counts, gaps, (count, waits) => {
        const table = new AddressTable();
        const rule = { ...RULE, count };
        let nowMs = 1_000;
        for (const gapMs of waits) {
          nowMs += gapMs;
          const waitMs = table.admit("a", nowMs, rule);
          if (waitMs === 0) continue;
          expect(table.admit("a", nowMs + waitMs - 2, rule)).toBeGreaterThan(0);
          nowMs += waitMs;
          expect(table.admit("a", nowMs, rule)).toBe(0);
        }
      }),
    );
  });

  test("no window of a source ever holds more than the count, and no two neighbours more than twice", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3_000), { maxLength: 200 }), (waits) => {
        const table = new AddressTable();
        const passed: number[] = [];
        let nowMs = 0;
        for (const gapMs of waits) {
          nowMs += gapMs;
          if (table.admit("a", nowMs, RULE) === 0) passed.push(nowMs);
        }
        const first = passed[0] ?? 0;
        expect(passed.filter((at) => at < first + RULE.perMs).length).toBeLessThanOrEqual(5);
        for (const from of passed)
          expect(
            passed.filter((at) => at >= from && at < from + RULE.perMs).length,
          ).toBeLessThanOrEqual(2 * RULE.count);
      }),
    );
  });
});

describe("the memory", () => {
  test("a million addresses never take more than the maximum", () => {
    const table = new AddressTable();
    for (let i = 0; i < 1_000_000; i++) table.admit(`address-${i}`, i / 100, RULE);
    expect(table.size).toBeLessThanOrEqual(RULE.maxAddresses);
  });

  test("addresses that went quiet are forgotten as new ones come", () => {
    const table = new AddressTable();
    for (let i = 0; i < 20_000; i++) table.admit(`address-${i}`, i * 1_000, RULE);
    expect(table.size).toBeLessThan(300);
  });

  test("a flood from other addresses does not win back what one of them has used", () => {
    const table = new AddressTable();
    expect(admitted(table, "spent", 0)).toBe(5);
    for (let i = 0; i < 100_000; i++) table.admit(`flood-${i}`, i / 100, RULE);
    expect(admitted(table, "spent", 1_000)).toBe(0);
  });

  test("a full table makes room for a new address by dropping one that has hardly called", () => {
    const rule = { count: 100, perMs: 300_000, maxAddresses: 1_000 };
    const table = new AddressTable();
    for (let i = 0; i < 1_000; i++) table.admit(`once-${i}`, 0, rule);
    const waits = Array.from({ length: 200 }, () => table.admit("new", 1, rule));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(100);
    expect(table.size).toBeLessThanOrEqual(1_000);
  });

  test("which newcomers share a group cannot be computed from their keys", () => {
    const table = new AddressTable();
    const rule = { ...RULE, maxAddresses: 1 };
    admitted(table, "full", 0, rule);
    // Alike in every sum of 31 times one code unit and the next.
    const apart = Array.from({ length: 16 }, (_, i) => {
      admitted(table, String.fromCharCode(0x100 + i, 0x200), 0, rule);
      return table.admit(String.fromCharCode(0x101 + i, 0x200 - 31), 0, rule) === 0;
    });
    expect(apart).toContain(true);
  });

  test("where nobody can be dropped, newcomers are counted in groups and never more freely", () => {
    const table = new AddressTable();
    for (let i = 0; i < 1_000; i++) admitted(table, `busy-${i}`, 0);
    let passed = 0;
    for (let i = 0; i < 50_000; i++) if (table.admit(`late-${i}`, 1, RULE) === 0) passed++;
    expect(passed).toBeGreaterThan(1_000);
    expect(passed).toBeLessThanOrEqual(1_024 * 5);
    expect(table.size).toBe(1_000);
  });
});
