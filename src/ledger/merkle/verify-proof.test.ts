/** What the verifiers take and refuse beyond the published vectors: every subtree, ranges that cannot be, misshapen hashes. */
import { describe, expect, test } from "vitest";
import {
  leavesOf,
  naivePath,
  naiveRoot,
  naiveSubtreeConsistency,
} from "./naive-tree.test-support.ts";
import { ProofError } from "./proof-error.ts";
import {
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from "./verify-proof.ts";

const MOST_LEAVES = 40;
const LEAVES = leavesOf(MOST_LEAVES);

function codeOf(action: () => void): string {
  try {
    action();
    return "proven";
  } catch (error) {
    if (error instanceof ProofError) return error.code;
    throw error;
  }
}

/** Every subtree with leaves: those that begin at a multiple of their width. */
function* subtreesOf(size: number): Generator<readonly [number, number]> {
  for (let start = 0; start < size; start += 1) {
    for (let end = start + 1; end <= size; end += 1) {
      const width = 2 ** Math.ceil(Math.log2(end - start));
      if (start % width === 0) yield [start, end];
    }
  }
}

describe("a subtree", () => {
  test("is proven to be part of every tree up to 40 leaves that holds it, by its own root only", () => {
    for (let size = 1; size <= MOST_LEAVES; size += 1) {
      const leaves = LEAVES.slice(0, size);
      const root2 = naiveRoot(leaves);
      for (const [start, end] of subtreesOf(size)) {
        const proof = naiveSubtreeConsistency([start, end], leaves);
        const root1 = naiveRoot(leaves.slice(start, end));
        const claim = { start, end, size, root1, root2, proof };
        const other = Buffer.alloc(32, 1);
        expect(codeOf(() => verifySubtreeConsistency(claim))).toBe("proven");
        expect(codeOf(() => verifySubtreeConsistency({ ...claim, root1: other }))).toBe(
          "proof.root_mismatch",
        );
        expect(codeOf(() => verifySubtreeConsistency({ ...claim, root2: other }))).toBe(
          "proof.root_mismatch",
        );
        const more = [...proof, other];
        expect(codeOf(() => verifySubtreeConsistency({ ...claim, proof: more }))).toBe(
          "proof.length",
        );
        const less = proof.slice(0, -1);
        if (proof.length > 0)
          expect(codeOf(() => verifySubtreeConsistency({ ...claim, proof: less }))).toBe(
            "proof.length",
          );
      }
    }
  });

  test("holds each of its leaves, and no other", () => {
    for (const [start, end] of subtreesOf(MOST_LEAVES)) {
      const leaves = LEAVES.slice(start, end);
      const root = naiveRoot(leaves);
      for (let index = start; index < end; index += 1) {
        const proof = naivePath(index - start, leaves);
        const claim = { index, start, end, leaf: LEAVES[index] as Buffer, proof, root };
        expect(codeOf(() => verifySubtreeInclusion(claim))).toBe("proven");
      }
      const outside = {
        start,
        end,
        leaf: LEAVES[start] as Buffer,
        proof: naivePath(0, leaves),
        root,
      };
      expect(codeOf(() => verifySubtreeInclusion({ ...outside, index: end }))).toBe("proof.range");
      expect(codeOf(() => verifySubtreeInclusion({ ...outside, index: start - 1 }))).toBe(
        "proof.range",
      );
    }
  });

  const hash = Buffer.alloc(32);
  const range = (start: number, end: number, size: number) => () =>
    verifySubtreeConsistency({ start, end, size, root1: hash, root2: hash, proof: [] });
  test.each([
    ["that no tree has", range(1, 3, 8)],
    ["that begins within a larger one", range(4, 10, 16)],
    ["that ends before it begins", range(4, 3, 8)],
    ["that ends behind the tree", range(0, 3, 2)],
    ["that begins before the tree", range(-1, 1, 2)],
    ["of half a leaf", range(0, 0.5, 2)],
    ["of a tree beyond safe integers", range(0, 1, 2 ** 60)],
  ])("%s is refused", (_, verify) => {
    expect(codeOf(verify)).toBe("proof.range");
  });
});

describe("a hash that is not 32 bytes", () => {
  const [short, whole] = [Buffer.alloc(31), Buffer.alloc(32)];
  test.each([
    ["as leaf", () => verifyInclusion({ index: 0, size: 1, leaf: short, proof: [], root: short })],
    ["as root", () => verifyInclusion({ index: 0, size: 1, leaf: whole, proof: [], root: short })],
    [
      "in a path",
      () => verifyInclusion({ index: 0, size: 2, leaf: whole, proof: [short], root: whole }),
    ],
    [
      "as roots",
      () => verifyConsistency({ size1: 1, size2: 1, root1: short, root2: short, proof: [] }),
    ],
    [
      "between roots",
      () => verifyConsistency({ size1: 1, size2: 2, root1: whole, root2: whole, proof: [short] }),
    ],
  ])("is refused %s", (_, verify) => {
    expect(codeOf(verify)).toBe("proof.hash_length");
  });
});

test("from the empty tree nothing is proven, not even the empty tree", () => {
  const root = naiveRoot([]);
  for (const size2 of [0, 1]) {
    const claim = { size1: 0, size2, root1: root, root2: root, proof: [] };
    expect(codeOf(() => verifyConsistency(claim))).toBe("proof.range");
  }
});

test("indices beyond 32 bits are not cut", () => {
  const [leaf, sibling] = [LEAVES[0] as Buffer, LEAVES[1] as Buffer];
  // The last leaf of 2^40 + 1: its only sibling is the root of all others.
  const claim = {
    index: 2 ** 40,
    size: 2 ** 40 + 1,
    leaf,
    proof: [sibling],
    root: naiveRoot([sibling, leaf]),
  };
  expect(codeOf(() => verifyInclusion(claim))).toBe("proven");
  expect(codeOf(() => verifyInclusion({ ...claim, index: 0 }))).toBe("proof.length");
});
