/**
 * An RFC 6962 tree that grows at its right edge and keeps only the roots of its perfect subtrees: what a writer needs
 * to name the root of millions of lines. It must never keep a leaf.
 */
import { DIGEST_BYTES, emptyRoot, nodeHash } from "../hashing.ts";

/** Subtrees a tree of `size` leaves falls into: the ones in the binary form of its size. */
export function subtreeCount(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

/** Sizes of these subtrees, largest first: 13 is 8, 4, 1. */
export function subtreeSizes(size: number): number[] {
  const sizes: number[] = [];
  for (let rest = size, weight = 1; rest > 0; rest = Math.floor(rest / 2), weight *= 2) {
    if (rest % 2 === 1) sizes.unshift(weight);
  }
  return sizes;
}

export class CompactRange {
  #size: number;
  /** Roots of the perfect subtrees, largest first. */
  readonly #subtrees: Buffer[];

  private constructor(size: number, subtrees: Buffer[]) {
    this.#size = size;
    this.#subtrees = subtrees;
  }

  static empty(): CompactRange {
    return new CompactRange(0, []);
  }

  /** The tree of `size` leaves with this frontier. Throws a RangeError where the two cannot belong together. */
  static restore(size: number, frontier: readonly Uint8Array[]): CompactRange {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`no tree has ${size} leaves`);
    if (frontier.length !== subtreeCount(size)) {
      throw new RangeError(
        `a tree of ${size} leaves has ${subtreeCount(size)} frontier hashes, not ${frontier.length}`,
      );
    }
    for (const root of frontier) {
      if (root.length !== DIGEST_BYTES) throw new RangeError(`a hash has ${DIGEST_BYTES} bytes`);
    }
    const copies = frontier.map((root) => Buffer.from(root));
    return new CompactRange(size, copies);
  }

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds a leaf hash. Each trailing one in the size is a perfect subtree as large as what was just completed. */
  append(leaf: Buffer): void {
    let completed = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      completed = nodeHash(this.#subtrees.pop() as Buffer, completed);
    }
    this.#subtrees.push(completed);
    this.#size += 1;
  }

  /** The root hash (RFC 6962 section 2.1): the subtrees folded from the smallest up. */
  root(): Buffer {
    let root = this.#subtrees.at(-1);
    if (root === undefined) return emptyRoot();
    for (let index = this.#subtrees.length - 2; index >= 0; index -= 1) {
      root = nodeHash(this.#subtrees[index] as Buffer, root);
    }
    return root;
  }

  /** The roots of the perfect subtrees, largest first. */
  frontier(): Buffer[] {
    return [...this.#subtrees];
  }
}
