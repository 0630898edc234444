/**
 * Checks Merkle proofs from their inputs alone (RFC 9162 sections 2.1.3.2 and 2.1.4.2; subtrees as in
 * draft-ietf-plants-merkle-tree-certs section 4). Returning means proven: whatever does not fit throws.
 */
import { DIGEST_BYTES, emptyRoot, nodeHash } from "../hashing.ts";
import { ProofError } from "./proof-error.ts";

export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export interface ConsistencyClaim {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Uint8Array;
  readonly root2: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** The leaf `index`, counted over the whole tree, is in the subtree of the leaves `start` to `end - 1`. */
export interface SubtreeInclusionClaim {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** The subtree of the leaves `start` to `end - 1`, with `root1`, is part of the tree of `size` leaves with `root2`. */
export interface SubtreeConsistencyClaim {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly root1: Uint8Array;
  readonly root2: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** Throws a ProofError unless the leaf is at `index` of the tree with this root. */
export function verifyInclusion(claim: InclusionClaim): void {
  const { index, size } = claim;
  requireCounts(index, size);
  requireHashes([claim.leaf, claim.root, ...claim.proof]);
  if (index >= size) throw new ProofError("proof.range", `leaf ${index} is not in ${size} leaves`);

  let fn = index;
  let sn = size - 1;
  let hash = claim.leaf;
  for (const sibling of claim.proof) {
    if (sn === 0) throw leftOver();
    if (isOdd(fn) || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn !== 0 && !isOdd(fn)) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  if (sn !== 0) throw tooShort();
  requireRoot(hash, claim.root, "the root");
}

/**
 * Throws a ProofError unless the tree of `size2` leaves continues the tree of `size1`. `size1` 0 is refused: every tree
 * continues the empty one, so there is nothing to prove, and nobody should take it for proven.
 */
export function verifyConsistency(claim: ConsistencyClaim): void {
  const { size1, size2, root1, root2, proof } = claim;
  requireCounts(size1, size2);
  if (size1 === 0) throw new ProofError("proof.range", "a tree without leaves proves nothing");
  verifySubtreeConsistency({ start: 0, end: size1, size: size2, root1, root2, proof });
}

/** Throws a ProofError unless the leaf is in the subtree with this root. */
export function verifySubtreeInclusion(claim: SubtreeInclusionClaim): void {
  const { index, start, end, leaf, proof, root } = claim;
  requireSubtree(start, end);
  verifyInclusion({ index: index - start, size: end - start, leaf, proof, root });
}

/** Throws a ProofError unless the subtree is part of the tree. */
export function verifySubtreeConsistency(claim: SubtreeConsistencyClaim): void {
  const { start, end, size, proof } = claim;
  requireSubtree(start, end);
  requireCounts(size);
  if (end > size) throw new ProofError("proof.range", `leaf ${end - 1} is not in ${size} leaves`);
  if (start === end) {
    // No leaves are part of every tree: only the root of nothing is checked.
    if (proof.length > 0) throw leftOver();
    requireRoot(emptyRoot(), claim.root1, "the root of the subtree");
    return;
  }
  requireHashes([claim.root1, claim.root2, ...proof]);
  foldConsistency(claim);
}

/** First leaf, last leaf of the subtree and last leaf of the tree, as indices on the level the fold has reached. */
interface Level {
  fn: number;
  sn: number;
  tn: number;
}

function foldConsistency(claim: SubtreeConsistencyClaim): void {
  const level: Level = { fn: claim.start, sn: claim.end - 1, tn: claim.size - 1 };
  climbToCommonNode(level);
  // A subtree that is a node of the tree is itself where both folds begin; else the proof names that node first.
  const isNode = level.fn === level.sn;
  const first = isNode ? claim.root1 : claim.proof[0];
  if (first === undefined) throw tooShort();

  let subtree = first;
  let tree = first;
  for (const hash of isNode ? claim.proof : claim.proof.slice(1)) {
    if (level.tn === 0) throw leftOver();
    if (isOdd(level.sn) || level.sn === level.tn) {
      if (level.fn < level.sn) subtree = nodeHash(hash, subtree);
      tree = nodeHash(hash, tree);
      while (level.sn !== 0 && !isOdd(level.sn)) climb(level);
    } else {
      tree = nodeHash(tree, hash);
    }
    climb(level);
  }
  if (level.tn !== 0) throw tooShort();
  requireRoot(subtree, claim.root1, "the earlier root");
  requireRoot(tree, claim.root2, "the later root");
}

/** Up to the largest node at the subtree's right edge that is a node of the tree too. */
function climbToCommonNode(level: Level): void {
  const endsTogether = level.sn === level.tn;
  while (level.fn !== level.sn) {
    if (!endsTogether && !isOdd(level.sn)) return;
    climb(level);
  }
}

function climb(level: Level): void {
  level.fn = half(level.fn);
  level.sn = half(level.sn);
  level.tn = half(level.tn);
}

/** A subtree begins at a multiple of its size rounded up to a power of two, or the tree has no such node. */
function requireSubtree(start: number, end: number): void {
  requireCounts(start, end);
  if (start > end) throw new ProofError("proof.range", `${start} to ${end} is no range of leaves`);
  let width = 1;
  while (width < end - start) width *= 2;
  if (start % width !== 0) {
    throw new ProofError("proof.range", `leaves ${start} to ${end - 1} are no subtree`);
  }
}

function requireCounts(...counts: readonly number[]): void {
  for (const count of counts) {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new ProofError("proof.range", `${count} is no number of leaves`);
    }
  }
}

function requireHashes(hashes: readonly Uint8Array[]): void {
  for (const hash of hashes) {
    if (hash.length !== DIGEST_BYTES) {
      throw new ProofError(
        "proof.hash_length",
        `a hash has ${DIGEST_BYTES} bytes, not ${hash.length}`,
      );
    }
  }
}

function requireRoot(computed: Uint8Array, claimed: Uint8Array, which: string): void {
  if (Buffer.compare(computed, claimed) !== 0) {
    throw new ProofError("proof.root_mismatch", `the proof does not lead to ${which}`);
  }
}

function tooShort(): ProofError {
  return new ProofError("proof.length", "the proof has too few hashes");
}

function leftOver(): ProofError {
  return new ProofError("proof.length", "the proof has too many hashes");
}

/** Shifts are done by division: `>>` would cut numbers at 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}
