/**
 * The tree of all literals, its states in breadth-first order with their failure links; it must never recurse, since an
 * operator's list may hold a literal as long as it likes.
 */
import type { ByteString } from "../byte-string.ts";

/** No state, no literal, no link. */
export const NONE = -1;

/**
 * A trie ready to be packed. State 0 is the root; states are numbered breadth-first, so that the children of one state
 * are neighbours and failure links lead to lower numbers.
 */
export interface LiteralTrie {
  /** The class of each byte; class 0 is every byte that no literal holds. */
  readonly classOf: Uint16Array;
  readonly classCount: number;
  readonly stateCount: number;
  /** The children of state s are the states from `children[s]` to before `children[s + 1]`, their classes rising. */
  readonly children: Int32Array;
  /** Per state: the class that leads to it from its parent. */
  readonly entryClass: Uint16Array;
  /** Per state: the state of its longest proper suffix. */
  readonly fail: Int32Array;
  /** Per state: the first literal that ends exactly here, or NONE. */
  readonly ends: Int32Array;
  /** Per literal: the next one with the same bytes, or NONE. */
  readonly same: Int32Array;
}

const foldByte = (byte: number, ignoreCase: boolean): number =>
  ignoreCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;

function byteClasses(literals: readonly ByteString[], ignoreCase: boolean) {
  const used = new Uint8Array(256);
  for (const literal of literals) {
    for (let at = 0; at < literal.length; at += 1) {
      used[foldByte(literal.charCodeAt(at), ignoreCase)] = 1;
    }
  }
  const classOf = new Uint16Array(256);
  let classCount = 1;
  for (let byte = 0; byte < 256; byte += 1) if (used[byte] === 1) classOf[byte] = classCount++;
  if (ignoreCase) {
    for (let byte = 0x41; byte <= 0x5a; byte += 1) classOf[byte] = classOf[byte + 0x20] ?? 0;
  }
  return { classOf, classCount };
}

/** Literals as rows of classes in sorted order: a trie's states are then runs of neighbours. */
function sortedByClass(literals: readonly ByteString[], classOf: Uint16Array) {
  const coded = literals.map((literal) =>
    Uint16Array.from({ length: literal.length }, (_, at) => classOf[literal.charCodeAt(at)] ?? 0),
  );
  const byClass = (left: number, right: number): number => {
    const a = coded[left] ?? new Uint16Array();
    const b = coded[right] ?? new Uint16Array();
    const shared = Math.min(a.length, b.length);
    for (let at = 0; at < shared; at += 1) {
      const difference = (a[at] ?? 0) - (b[at] ?? 0);
      if (difference !== 0) return difference;
    }
    return a.length - b.length || left - right;
  };
  return { coded, order: literals.map((_, id) => id).sort(byClass) };
}

/** Builds the trie. Throws RangeError for an empty literal: it would match everything, everywhere. */
export function buildTrie(literals: readonly ByteString[], ignoreCase: boolean): LiteralTrie {
  if (literals.includes("")) throw new RangeError("a literal must hold at least one byte");
  const { classOf, classCount } = byteClasses(literals, ignoreCase);
  const { coded, order } = sortedByClass(literals, classOf);
  const mostStates = literals.reduce((sum, literal) => sum + literal.length, 1);
  const children = new Int32Array(mostStates + 1);
  const entryClass = new Uint16Array(mostStates);
  const ends = new Int32Array(mostStates).fill(NONE);
  const same = new Int32Array(literals.length).fill(NONE);
  // The literals below a state are a run of the sorted ones: from, to and how many bytes they share.
  const runs = new Int32Array(mostStates * 3);
  runs.set([0, order.length, 0]);
  let stateCount = 1;
  for (let state = 0; state < stateCount; state += 1) {
    let [at = 0, to = 0, depth = 0] = runs.subarray(state * 3);
    const first = at;
    for (; at < to && coded[order[at] ?? 0]?.length === depth; at += 1) {
      if (at > first) same[order[at - 1] ?? 0] = order[at] ?? NONE;
    }
    if (at > first) ends[state] = order[first] ?? NONE;
    children[state] = stateCount;
    while (at < to) {
      const cls = coded[order[at] ?? 0]?.[depth] ?? 0;
      const start = at;
      while (at < to && coded[order[at] ?? 0]?.[depth] === cls) at += 1;
      entryClass[stateCount] = cls;
      runs.set([start, at, depth + 1], stateCount * 3);
      stateCount += 1;
    }
    children[state + 1] = stateCount;
  }
  const tree = {
    stateCount,
    children: children.slice(0, stateCount + 1),
    entryClass: entryClass.slice(0, stateCount),
  };
  const fail = failureLinks(tree);
  return { ...tree, classOf, classCount, fail, ends: ends.slice(0, stateCount), same };
}

type Tree = Pick<LiteralTrie, "stateCount" | "children" | "entryClass">;

function failureLinks(tree: Tree): Int32Array {
  const { stateCount, children, entryClass } = tree;
  const fail = new Int32Array(stateCount);
  for (let state = 1; state < stateCount; state += 1) {
    const end = children[state + 1] ?? 0;
    for (let child = children[state] ?? 0; child < end; child += 1) {
      const cls = entryClass[child] ?? 0;
      let suffix = fail[state] ?? 0;
      let next = step(tree, suffix, cls);
      while (next === NONE && suffix !== 0) {
        suffix = fail[suffix] ?? 0;
        next = step(tree, suffix, cls);
      }
      fail[child] = next === NONE ? 0 : next;
    }
  }
  return fail;
}

/** The child that the state reaches by the class, or NONE. */
export function step(tree: Tree, state: number, cls: number): number {
  const end = tree.children[state + 1] ?? 0;
  for (let child = tree.children[state] ?? 0; child < end; child += 1) {
    if (tree.entryClass[child] === cls) return child;
  }
  return NONE;
}
