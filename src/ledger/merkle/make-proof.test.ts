/** Proofs made while leaves stream by: equal to RFC 6962's own recursion, verified, and refused with any bit changed. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CompactRange } from "./compact-range.ts";
import { ProofBuilder, type ProofStart } from "./make-proof.ts";
import { leavesOf, naiveConsistency, naivePath, naiveRoot } from "./naive-tree.test-support.ts";
import { ProofError } from "./proof-error.ts";
import { verifyConsistency, verifyInclusion } from "./verify-proof.ts";

const MOST_LEAVES = 400;
const LEAVES = leavesOf(MOST_LEAVES);
const ROOTS = Array.from({ length: MOST_LEAVES + 1 }, (_, size) => startAt(size).root());

function startAt(size: number): CompactRange {
  const tree = CompactRange.empty();
  for (const leaf of LEAVES.slice(0, size)) tree.append(leaf);
  return tree;
}

function frontierAt(size: number): ProofStart {
  return { size, frontier: startAt(size).frontier() };
}

function fed(builder: ProofBuilder, size: number): Buffer[] {
  while (builder.next < size) builder.append(LEAVES[builder.next] as Buffer);
  expect(builder.isComplete).toBe(true);
  return builder.proof();
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return "none";
  } catch (error) {
    if (error instanceof ProofError) return error.code;
    throw error;
  }
}

function flipped(hash: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(hash);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

/** start <= middle <= size, and middle < size or not as asked. */
const ordered = (last: 0 | 1) =>
  fc
    .tuple(fc.nat(MOST_LEAVES), fc.nat(MOST_LEAVES), fc.nat(MOST_LEAVES))
    .map((numbers) => numbers.sort((one, other) => one - other))
    .filter(([, middle, size]) => middle + last <= size);
const aBit = fc.nat(255);

describe("a proof of inclusion", () => {
  test("is the path of RFC 6962 section 2.1.1, from the first leaf or from any frontier", () => {
    fc.assert(
      fc.property(ordered(1), ([start, index, size]) => {
        const proof = fed(ProofBuilder.inclusion({ index, size }, frontierAt(start)), size);
        expect(proof).toEqual(naivePath(index, LEAVES.slice(0, size)));
        expect(fed(ProofBuilder.inclusion({ index, size }), size)).toEqual(proof);
      }),
    );
  });

  test("verifies, and with any bit of any hash, the root or the leaf changed it does not", () => {
    fc.assert(
      fc.property(ordered(1), aBit, fc.nat(), ([start, index, size], bit, where) => {
        const proof = fed(ProofBuilder.inclusion({ index, size }, frontierAt(start)), size);
        const claim = { index, size, leaf: LEAVES[index]!, root: ROOTS[size]!, proof };
        verifyInclusion(claim);
        const changed = where % (proof.length + 2);
        const wrong = {
          ...claim,
          proof: proof.map((hash, at) => (at === changed ? flipped(hash, bit) : hash)),
          ...(changed === proof.length ? { leaf: flipped(claim.leaf, bit) } : {}),
          ...(changed === proof.length + 1 ? { root: flipped(claim.root, bit) } : {}),
        };
        expect(codeOf(() => verifyInclusion(wrong))).toBe("proof.root_mismatch");
      }),
    );
  });

  test("does not verify for another leaf, with a hash missing, or with one too many", () => {
    fc.assert(
      fc.property(ordered(1), fc.nat(MOST_LEAVES), ([, index, size], other) => {
        fc.pre(other !== index);
        const proof = fed(ProofBuilder.inclusion({ index, size }), size);
        const claim = { index, size, leaf: LEAVES[index]!, root: ROOTS[size]!, proof };
        expect(codeOf(() => verifyInclusion({ ...claim, index: other }))).toMatch(/^proof\./);
        const more = [...proof, ROOTS[1]!];
        expect(codeOf(() => verifyInclusion({ ...claim, proof: more }))).toBe("proof.length");
        const less = proof.slice(1);
        if (proof.length > 0) {
          expect(codeOf(() => verifyInclusion({ ...claim, proof: less }))).toMatch(/^proof\./);
        }
      }),
    );
  });
});

describe("a proof of consistency", () => {
  test("is that of RFC 6962 section 2.1.2, from the first leaf or from any frontier", () => {
    fc.assert(
      fc.property(ordered(0), ([start, size1, size2]) => {
        fc.pre(size1 > 0);
        const sizes = { size1, size2 };
        const proof = fed(ProofBuilder.consistency(sizes, frontierAt(start)), size2);
        expect(proof).toEqual(naiveConsistency(size1, LEAVES.slice(0, size2), true));
        expect(fed(ProofBuilder.consistency(sizes), size2)).toEqual(proof);
      }),
    );
  });

  test("verifies, and with any bit of any hash or root changed it does not", () => {
    fc.assert(
      fc.property(ordered(0), aBit, fc.nat(), ([start, size1, size2], bit, where) => {
        fc.pre(size1 > 0);
        const proof = fed(ProofBuilder.consistency({ size1, size2 }, frontierAt(start)), size2);
        const claim = { size1, size2, root1: ROOTS[size1]!, root2: ROOTS[size2]!, proof };
        verifyConsistency(claim);
        const changed = where % (proof.length + 2);
        const wrong = {
          ...claim,
          proof: proof.map((hash, at) => (at === changed ? flipped(hash, bit) : hash)),
          ...(changed === proof.length ? { root1: flipped(claim.root1, bit) } : {}),
          ...(changed === proof.length + 1 ? { root2: flipped(claim.root2, bit) } : {}),
        };
        expect(codeOf(() => verifyConsistency(wrong))).toBe("proof.root_mismatch");
      }),
    );
  });

  test("does not verify for a tree that dropped, swapped or changed a leaf", () => {
    fc.assert(
      fc.property(ordered(0), fc.nat(), ([, size1, size2], where) => {
        fc.pre(size1 > 1 && size1 < size2);
        const forked = LEAVES.slice(0, size1);
        const at = where % (size1 - 1);
        [forked[at], forked[at + 1]] = [forked[at + 1]!, forked[at]!];
        const proof = fed(ProofBuilder.consistency({ size1, size2 }), size2);
        const claim = { size1, size2, root1: naiveRoot(forked), root2: ROOTS[size2]!, proof };
        expect(codeOf(() => verifyConsistency(claim))).toBe("proof.root_mismatch");
      }),
    );
  });
});

describe("a proof builder", () => {
  const first = frontierAt(0);
  test.each([
    [
      "a leaf before its start",
      () => ProofBuilder.inclusion({ index: 4, size: 9 }, frontierAt(5)),
      "proof.unavailable",
    ],
    [
      "a size before its start",
      () => ProofBuilder.consistency({ size1: 4, size2: 9 }, frontierAt(5)),
      "proof.unavailable",
    ],
    [
      "a leaf behind the tree",
      () => ProofBuilder.inclusion({ index: 9, size: 9 }, first),
      "proof.range",
    ],
    ["a negative leaf", () => ProofBuilder.inclusion({ index: -1, size: 9 }, first), "proof.range"],
    [
      "a leaf of no tree",
      () => ProofBuilder.inclusion({ index: 0, size: 0 }, first),
      "proof.range",
    ],
    [
      "a size that is no whole number",
      () => ProofBuilder.inclusion({ index: 0, size: 1.5 }, first),
      "proof.range",
    ],
    [
      "sizes that shrink",
      () => ProofBuilder.consistency({ size1: 3, size2: 2 }, first),
      "proof.range",
    ],
    [
      "a tree without leaves",
      () => ProofBuilder.consistency({ size1: 0, size2: 2 }, first),
      "proof.range",
    ],
  ])("refuses %s", (_, build, code) => {
    expect(codeOf(build)).toBe(code);
  });

  test("gives no proof before the last leaf has come, and ignores what comes after it", () => {
    const builder = ProofBuilder.inclusion({ index: 2, size: 7 });
    for (const leaf of LEAVES.slice(0, 6)) builder.append(leaf);
    expect(builder.isComplete).toBe(false);
    expect(codeOf(() => builder.proof())).toBe("proof.length");
    for (const leaf of LEAVES.slice(6, 20)) builder.append(leaf);
    expect(builder.proof()).toEqual(naivePath(2, LEAVES.slice(0, 7)));
  });

  test("refuses a frontier that does not belong to its size", () => {
    const start = { size: 3, frontier: LEAVES.slice(0, 1) };
    expect(() => ProofBuilder.inclusion({ index: 3, size: 4 }, start)).toThrow(RangeError);
  });
});
