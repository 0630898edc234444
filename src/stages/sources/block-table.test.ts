/** Temporary blocks: when they begin, how long they are, how they grow and are forgotten, and in how much memory. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BlockTable, type BlockRule } from "./block-table.ts";

const MINUTE = 60_000;
const RULE: BlockRule = {
  count: 5,
  perMs: 10 * MINUTE,
  share: 0.5,
  forMs: MINUTE,
  factor: 2,
  longestMs: 10 * MINUTE,
  forgetMs: 60 * MINUTE,
  maxAddresses: 1_000,
};

/** Requests of which each is refused. */
function refuse(table: BlockTable, count: number, nowMs: number, key = "a"): void {
  for (let i = 0; i < count; i++) {
    table.countRequest(key, nowMs, RULE);
    table.countRefusal(key, nowMs, RULE);
  }
}

/** Lengths of blocks that follow each other, in minutes. */
function lengths(table: BlockTable, blocks: number, pauseMs = 1): number[] {
  let nowMs = 0;
  return Array.from({ length: blocks }, () => {
    refuse(table, 5, nowMs);
    const waitMs = table.waitMs("a", nowMs);
    nowMs += waitMs + pauseMs;
    return waitMs / MINUTE;
  });
}

describe("when a block begins", () => {
  test("with the last refusal of the count, and not before", () => {
    const table = new BlockTable();
    refuse(table, 4, 0);
    expect(table.waitMs("a", 0)).toBe(0);
    refuse(table, 1, 0);
    expect(table.waitMs("a", 0)).toBe(MINUTE);
    expect(table.waitMs("b", 0)).toBe(0);
    expect([table.started, table.blockedAt(0), table.blockedAt(MINUTE)]).toEqual([1, 1, 0]);
  });

  test("refusals that are older than the period do not count", () => {
    const table = new BlockTable();
    refuse(table, 4, 0);
    refuse(table, 4, 20 * MINUTE);
    expect(table.waitMs("a", 20 * MINUTE)).toBe(0);
  });

  test("one bad caller among many good ones behind the same address blocks nobody", () => {
    const table = new BlockTable();
    for (let i = 0; i < 200; i++) {
      table.countRequest("a", i, RULE);
      table.countRequest("a", i, RULE);
      if (i % 2 === 0) refuse(table, 1, i);
    }
    expect(table.started).toBe(0);
  });

  test("with a share of 0 the count alone blocks", () => {
    const table = new BlockTable();
    for (let i = 0; i < 200; i++) table.countRequest("a", 0, RULE);
    for (let i = 0; i < 5; i++) table.countRefusal("a", 0, { ...RULE, share: 0 });
    expect(table.waitMs("a", 0)).toBe(MINUTE);
  });
});

describe("how long it is", () => {
  test("each is longer than the one before, up to the longest", () => {
    expect(lengths(new BlockTable(), 6)).toEqual([1, 2, 4, 8, 10, 10]);
  });

  test("after long enough without one, the next is a first one", () => {
    expect(lengths(new BlockTable(), 3, RULE.forgetMs)).toEqual([1, 1, 1]);
  });

  test("refusals of requests that were on their way when it began make it no longer", () => {
    const table = new BlockTable();
    refuse(table, 50, 0);
    expect([table.waitMs("a", 0), table.started]).toEqual([MINUTE, 1]);
    refuse(table, 4, MINUTE);
    expect(table.waitMs("a", MINUTE)).toBe(0);
  });
});

describe("the memory", () => {
  test("a million addresses never take more than the maximum", () => {
    const table = new BlockTable();
    for (let i = 0; i < 1_000_000; i++) {
      table.countRequest(`address-${i}`, i / 100, RULE);
      if (i % 3 === 0) table.countRefusal(`address-${i}`, i / 100, RULE);
    }
    expect(table.size).toBeLessThanOrEqual(RULE.maxAddresses);
  });

  test("no flood from other addresses ends a block", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 5_000 }), (others) => {
        const table = new BlockTable();
        refuse(table, 5, 0);
        for (let i = 0; i < others; i++) refuse(table, 2, 1, `other-${i}`);
        expect(table.waitMs("a", 1)).toBe(MINUTE - 1);
      }),
      { numRuns: 20 },
    );
  });

  test("where all are blocked, a newcomer is not, and blocks nobody in its place", () => {
    const table = new BlockTable();
    for (let i = 0; i < 1_000; i++) refuse(table, 5, 0, `blocked-${i}`);
    refuse(table, 50, 0, "late");
    expect([table.waitMs("late", 0), table.blockedAt(0), table.size]).toEqual([0, 1_000, 1_000]);
  });
});
