/**
 * Makes Merkle proofs (RFC 6962 sections 2.1.1 and 2.1.2) while leaves stream by once, keeping O(log n) hashes. It must
 * never give out a proof with a hash it has not seen made.
 */
import { CompactRange, subtreeSizes } from "./compact-range.ts";
import { ProofError } from "./proof-error.ts";

/** Where the leaves begin that will be appended: the size of the tree before them, and its frontier, largest first. */
export interface ProofStart {
  readonly size: number;
  readonly frontier: readonly Uint8Array[];
}

const FROM_THE_FIRST: ProofStart = { size: 0, frontier: [] };

/** The leaves `start` to `end - 1`, whose root is one hash of the proof. */
interface Needed {
  readonly start: number;
  readonly end: number;
  /** Place in the proof: the order from the leaf up is not the order of the leaves. */
  readonly place: number;
}

/** Fed with the leaf hashes from `start` on, in order, up to the size of the tree; then `proof()`. */
export class ProofBuilder {
  readonly #size: number;
  /** Disjoint, in the order of their leaves. */
  readonly #needed: readonly Needed[];
  readonly #hashes: Buffer[] = [];
  /** The range of `#needed` the next leaf falls into or before. */
  #current = 0;
  #range = CompactRange.empty();
  #next: number;

  private constructor(
    size: number,
    ranges: readonly (readonly [number, number])[],
    start: ProofStart,
  ) {
    this.#size = size;
    this.#needed = ranges
      .map(([from, to], place) => ({ start: from, end: to, place }))
      .sort((one, other) => one.start - other.start);
    this.#next = start.size;
    this.#takeFrontier(start);
  }

  /** For the leaf `index` in the tree of `size` leaves; `index` must not lie before `start`. */
  static inclusion(
    claim: { readonly index: number; readonly size: number },
    start: ProofStart = FROM_THE_FIRST,
  ): ProofBuilder {
    const { index, size } = claim;
    requireOrder(start.size, index, size - 1);
    return new ProofBuilder(size, inclusionRanges(index, size), start);
  }

  /** From the tree of `size1` leaves to that of `size2`; `size1` must be more than 0 and not less than `start`. */
  static consistency(
    claim: { readonly size1: number; readonly size2: number },
    start: ProofStart = FROM_THE_FIRST,
  ): ProofBuilder {
    const { size1, size2 } = claim;
    requireOrder(start.size, size1, size2);
    if (size1 === 0) throw new ProofError("proof.range", "a tree without leaves proves nothing");
    return new ProofBuilder(size2, consistencyRanges(size1, size2), start);
  }

  /** The leaf to be appended next, as an index over the whole tree. */
  get next(): number {
    return this.#next;
  }

  /** Whether all leaves of the tree were appended. */
  get isComplete(): boolean {
    return this.#next >= this.#size;
  }

  /** Takes the hash of leaf `next`. Leaves behind the tree are ignored. */
  append(leaf: Buffer): void {
    const needed = this.#needed[this.#current];
    const index = this.#next;
    this.#next += 1;
    if (needed === undefined || index < needed.start) return;
    this.#range.append(leaf);
    if (index === needed.end - 1) this.#finish(needed);
  }

  /** The proof, from the leaf (or the smaller tree) up. Throws `proof.length` before all it needs have come. */
  proof(): Buffer[] {
    if (this.#current < this.#needed.length) {
      throw new ProofError("proof.length", `the leaves end at ${this.#next} of ${this.#size}`);
    }
    return [...this.#hashes];
  }

  #finish(needed: Needed): void {
    this.#hashes[needed.place] = this.#range.root();
    this.#range = CompactRange.empty();
    this.#current += 1;
  }

  /**
   * Ranges that begin before the start are begun with frontier hashes. They fit without gaps: those ranges cover all
   * leaves before the start, and each is a node beside the way to a leaf at or behind it, so a frontier subtree or several.
   */
  #takeFrontier(start: ProofStart): void {
    // Only to have it checked: a frontier of another size would give wrong hashes.
    CompactRange.restore(start.size, start.frontier);
    const held = subtreeSizes(start.size);
    let at = 0;
    let from = 0;
    for (const needed of this.#needed) {
      if (needed.start >= start.size) return;
      const first = at;
      while (from < needed.end && at < held.length) from += held[at++] as number;
      this.#range = CompactRange.restore(from - needed.start, start.frontier.slice(first, at));
      if (from < needed.end) return;
      this.#finish(needed);
    }
  }
}

/** The siblings on the way from leaf `index` up to the root of `size` leaves. */
function inclusionRanges(index: number, size: number): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push([middle, end]);
      end = middle;
    } else {
      ranges.push([start, middle]);
      start = middle;
    }
  }
  return ranges.reverse();
}

/** SUBPROOF of RFC 6962 section 2.1.2: down along the right edge of the smaller tree, until a subtree ends with it. */
function consistencyRanges(size1: number, size2: number): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let start = 0;
  let end = size2;
  while (end !== size1) {
    const middle = start + splitOf(end - start);
    if (size1 <= middle) {
      ranges.push([middle, end]);
      end = middle;
    } else {
      ranges.push([start, middle]);
      start = middle;
    }
  }
  // A smaller tree that is itself a node of the larger one is known to whoever checks: its root is left out.
  if (start !== 0) ranges.push([start, end]);
  return ranges.reverse();
}

/** The largest power of two smaller than `width`: where RFC 6962 splits a tree. */
function splitOf(width: number): number {
  let split = 1;
  while (split * 2 < width) split *= 2;
  return split;
}

function requireOrder(start: number, middle: number, last: number): void {
  const isWhole = [start, middle, last].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (!isWhole || middle > last) {
    throw new ProofError("proof.range", `there is no ${middle} within ${last}`);
  }
  if (start > middle) {
    throw new ProofError("proof.unavailable", `the leaves before ${start} are gone`);
  }
}
