/** The growing tree against RFC 6962's own recursion, and going on from a frontier. */
import { describe, expect, test } from "vitest";
import { CompactRange } from "./compact-range.ts";
import { leavesOf, naiveRoot } from "./naive-tree.test-support.ts";

const SIZES = 300;
const LEAVES = leavesOf(SIZES);

function grown(size: number): CompactRange {
  const tree = CompactRange.empty();
  for (const leaf of LEAVES.slice(0, size)) tree.append(leaf);
  return tree;
}

describe("a compact range", () => {
  test("has the root of RFC 6962 section 2.1 at every size from 0 to 300", () => {
    const tree = CompactRange.empty();
    for (let size = 0; size <= SIZES; size += 1) {
      expect(tree.size).toBe(size);
      expect(tree.root().toString("hex")).toBe(naiveRoot(LEAVES.slice(0, size)).toString("hex"));
      if (size < SIZES) tree.append(LEAVES[size] as Buffer);
    }
  });

  test("restored from its frontier at any size, it grows as if it had never stopped", () => {
    const whole = grown(SIZES).root();
    for (let size = 0; size <= SIZES; size += 1) {
      const before = grown(size);
      const tree = CompactRange.restore(size, before.frontier());
      expect(tree.root()).toEqual(before.root());
      for (const leaf of LEAVES.slice(size)) tree.append(leaf);
      expect(tree.root()).toEqual(whole);
    }
  });

  test("has as frontier the roots of the perfect subtrees, largest first", () => {
    const frontier = grown(13).frontier();
    const expected = [LEAVES.slice(0, 8), LEAVES.slice(8, 12), LEAVES.slice(12, 13)].map(naiveRoot);
    expect(frontier).toEqual(expected);
  });

  test("shares nothing with the frontier it gave out or was restored from", () => {
    const tree = grown(5);
    const given = tree.frontier();
    const restored = CompactRange.restore(5, given);
    const root = tree.root();
    tree.append(LEAVES[5] as Buffer);
    given[0]?.fill(0);
    given.pop();
    expect(restored.root()).toEqual(root);
  });

  test("counts beyond 32 bits", () => {
    const size = 2 ** 40 + 1;
    const tree = CompactRange.restore(size, LEAVES.slice(0, 2));
    tree.append(LEAVES[2] as Buffer);
    expect(tree.size).toBe(size + 1);
    expect(tree.frontier()).toEqual([LEAVES[0], naiveRoot(LEAVES.slice(1, 3))]);
  });

  test.each([
    ["too few hashes", 3, LEAVES.slice(0, 1)],
    ["too many hashes", 4, LEAVES.slice(0, 2)],
    ["hashes without leaves", 0, LEAVES.slice(0, 1)],
    ["a short hash", 1, [Buffer.alloc(31)]],
    ["a negative size", -1, []],
    ["a size that is no whole number", 1.5, LEAVES.slice(0, 1)],
    ["a size beyond safe integers", 2 ** 60, LEAVES.slice(0, 1)],
  ])("is not restored from %s", (_, size, frontier) => {
    expect(() => CompactRange.restore(size, frontier)).toThrow(RangeError);
  });
});
