/** Bounds the time a backtracking engine needs for a pattern, from above and crudely; when in doubt a pattern is dangerous. */
import { ALL_BYTES, ByteSet } from "./byte-set.ts";
import { isAmbiguousLoop } from "./loop-ambiguity.ts";
import { childrenOf, type Pattern, type PatternNode, type Repeat } from "./pattern-tree.ts";

/** Counted repeats with more freedom than this are taken for endless ones. */
const FREE_COUNT_LIMIT = 4;
const NO_BYTES = ByteSet.of();

/** What a way to choose between two adds to the degree: 2 is at most the root of the length, from four bytes on. */
const TWO_WAYS = 0.5;

/**
 * The degree of a polynomial in the value's length that bounds the steps of a search: 1 is linear, 2 quadratic, and
 * `Infinity` stands for what may be exponential. Often too high. Alternatives that begin alike outside of loops count as
 * two ways however many they are.
 */
export function backtrackingDegree(pattern: Pattern): number {
  const choices = Math.ceil(choicesOf(pattern.root, NO_BYTES));
  if (!hasLoop(pattern.root)) return 1 + choices;
  return (isAnchored(pattern.root) ? 1 : 2) + choices;
}

function isAnchored(node: PatternNode): boolean {
  if (node.kind === "assertion") return node.assertion === "start";
  if (node.kind === "alternation") return node.items.every(isAnchored);
  if (node.kind === "sequence") return node.items[0] !== undefined && isAnchored(node.items[0]);
  return (node.kind === "capture" || node.kind === "atomic") && isAnchored(node.item);
}

/** Whether rounds may be added without end, or nearly. */
function isFree({ min, max }: Repeat): boolean {
  return max - min > FREE_COUNT_LIMIT;
}

function hasLoop(node: PatternNode): boolean {
  if (node.kind === "reference" || (node.kind === "repeat" && isFree(node))) return true;
  return childrenOf(node).some(hasLoop);
}

/** How many loops may each end at any place, when the bytes of `follow` may come after the node. */
function choicesOf(node: PatternNode, follow: ByteSet): number {
  switch (node.kind) {
    case "sequence":
      return ofSequence(node.items, follow);
    case "alternation":
      return (
        Math.max(...node.items.map((item) => choicesOf(item, follow))) +
        (beginAlike(node.items) ? TWO_WAYS : 0)
      );
    case "repeat":
      return ofRepeat(node, follow);
    case "capture":
    case "atomic":
      return choicesOf(node.item, follow);
    case "look":
      return hasLoop(node.item) ? 1 + choicesOf(node.item, NO_BYTES) : 0;
    case "reference":
      return 1;
    case "bytes":
    case "empty":
    case "assertion":
      return 0;
  }
}

function ofSequence(items: readonly PatternNode[], follow: ByteSet): number {
  let choices = 0;
  let after = follow;
  for (const item of items.toReversed()) {
    choices += choicesOf(item, after);
    const { bytes, isNullable } = firstOf(item);
    after = isNullable ? ByteSet.union([bytes, after]) : bytes;
  }
  return choices;
}

function ofRepeat(node: Repeat, follow: ByteSet): number {
  const { item, min, max } = node;
  const isUnclear = ByteSet.union(allSets(item)).overlaps(follow);
  if (max > FREE_COUNT_LIMIT) {
    if (isAmbiguousLoop(node)) return Infinity;
    return isUnclear && (isFree(node) || hasLoop(item)) ? 1 : 0;
  }
  // Few rounds: each may have the choices of the item, and another round may follow.
  const again = ByteSet.union([firstOf(item).bytes, follow]);
  const each = choicesOf(item, max > 1 ? again : follow);
  return (each === 0 ? 0 : each * max) + (isUnclear ? (max - min) * TWO_WAYS : 0);
}

function beginAlike(items: readonly PatternNode[]): boolean {
  let before = NO_BYTES;
  for (const item of items) {
    const { bytes, isNullable } = firstOf(item);
    if (isNullable || bytes.overlaps(before)) return true;
    before = ByteSet.union([before, bytes]);
  }
  return false;
}

function allSets(node: PatternNode): ByteSet[] {
  if (node.kind === "bytes") return [node.set];
  return childrenOf(node).flatMap(allSets);
}

/** What the node can begin with. */
function firstOf(node: PatternNode): { readonly bytes: ByteSet; readonly isNullable: boolean } {
  switch (node.kind) {
    case "bytes":
      return { bytes: node.set, isNullable: false };
    case "sequence": {
      const sets: ByteSet[] = [];
      for (const item of node.items) {
        const { bytes, isNullable } = firstOf(item);
        sets.push(bytes);
        if (!isNullable) return { bytes: ByteSet.union(sets), isNullable: false };
      }
      return { bytes: ByteSet.union(sets), isNullable: true };
    }
    case "alternation": {
      const all = node.items.map(firstOf);
      return {
        bytes: ByteSet.union(all.map(({ bytes }) => bytes)),
        isNullable: all.some(({ isNullable }) => isNullable),
      };
    }
    case "repeat": {
      const { bytes, isNullable } = firstOf(node.item);
      return { bytes, isNullable: isNullable || node.min === 0 };
    }
    case "capture":
    case "atomic":
      return firstOf(node.item);
    case "empty":
    case "assertion":
    case "look":
      return { bytes: NO_BYTES, isNullable: true };
    case "reference":
      return { bytes: ALL_BYTES, isNullable: true };
  }
}
