/** RFC 6962 section 2.1 word for word, over all leaves at once: what the tree under test is compared with. */
import { createHash } from "node:crypto";

/** Leaf hashes made from their index. */
export function leavesOf(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    createHash("sha256").update(`\0leaf ${index}`).digest(),
  );
}

/** MTH(D[n]) of section 2.1, over leaf hashes. */
export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return createHash("sha256").digest();
  if (leaves.length === 1) return leaves[0] as Buffer;
  const k = splitOf(leaves.length);
  const hash = createHash("sha256").update(Uint8Array.of(1));
  return hash
    .update(naiveRoot(leaves.slice(0, k)))
    .update(naiveRoot(leaves.slice(k)))
    .digest();
}

/** PATH(m, D[n]) of section 2.1.1. */
export function naivePath(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = splitOf(leaves.length);
  return m < k
    ? [...naivePath(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}

/** SUBPROOF(m, D[n], b) of section 2.1.2; PROOF(m, D[n]) is that with `isWhole`. */
export function naiveConsistency(m: number, leaves: readonly Buffer[], isWhole: boolean): Buffer[] {
  if (m === leaves.length) return isWhole ? [] : [naiveRoot(leaves)];
  const k = splitOf(leaves.length);
  return m <= k
    ? [...naiveConsistency(m, leaves.slice(0, k), isWhole), naiveRoot(leaves.slice(k))]
    : [...naiveConsistency(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}

/** SUBTREE_SUBPROOF of draft-ietf-plants-merkle-tree-certs, for the subtree of the leaves `start` to `end - 1`. */
export function naiveSubtreeConsistency(
  [start, end]: readonly [number, number],
  leaves: readonly Buffer[],
  isWhole = true,
): Buffer[] {
  if (start === 0 && end === leaves.length) return isWhole ? [] : [naiveRoot(leaves)];
  const k = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  if (end <= k) return [...naiveSubtreeConsistency([start, end], left, isWhole), naiveRoot(right)];
  const rest = [Math.max(start - k, 0), end - k] as const;
  return [...naiveSubtreeConsistency(rest, right, isWhole && start >= k), naiveRoot(left)];
}

function splitOf(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1);
}
