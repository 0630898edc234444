/**
 * The tables of an automaton as plain typed arrays, so that they can be kept on disk; building them must give the same
 * arrays for the same literals every time.
 */
import type { ByteString } from "../byte-string.ts";
import { packRows } from "./double-array.ts";
import { buildTrie, NONE, step, type LiteralTrie } from "./literal-trie.ts";

/**
 * A place in the automaton is one number. Below `dense.length` it is where the state's full row begins; from there on
 * `place - dense.length` numbers the states without one. A link is a place doubled, plus 1 if a literal ends there.
 */
export interface AutomatonTables {
  /** The class of each byte; class 0 is every byte that no literal holds. */
  readonly classOf: Uint16Array;
  readonly classCount: number;
  readonly stateCount: number;
  /** Full rows of links. */
  readonly dense: Int32Array;
  /** Rows of the other states, packed: the link of class c is at `base + c` if that slot's owner is the state. */
  readonly base: Int32Array;
  readonly owner: Int32Array;
  readonly link: Int32Array;
  /** Per state without a full row: the place to go on from when it has no link. */
  readonly fail: Int32Array;
  /** The longest literal that ends there, its own or a suffix's: for full rows by row, then for the other states. */
  readonly longest: Int32Array;
  /** Per literal: the longest shorter literal that ends with it, or NONE. */
  readonly shorter: Int32Array;
  /** Per literal: the next one with the same bytes, or NONE. */
  readonly same: Int32Array;
  readonly lengths: Int32Array;
}

/**
 * How many states get a full row, the shallow ones first. Ordinary text almost never leaves them, so the hot rows stay
 * in the processor's cache; rows for all states would be megabytes and miss it.
 */
const DENSE_STATES = 4096;

/** Throws RangeError for an empty literal. */
export function buildTables(
  literals: readonly ByteString[],
  options: { readonly ignoreCase: boolean },
): AutomatonTables {
  const trie = buildTrie(literals, options.ignoreCase);
  const { longest, shorter } = linkOutputs(trie, literals.length);
  const denseCount = Math.min(trie.stateCount, DENSE_STATES);
  const denseLength = denseCount * trie.classCount;
  const placeOf = (state: number): number =>
    state < denseCount ? state * trie.classCount : denseLength + state - denseCount;
  const linkTo = (state: number): number => placeOf(state) * 2 + (longest[state] === NONE ? 0 : 1);
  const rows = packRows(
    { starts: trie.children, classes: trie.entryClass },
    denseCount,
    trie.classCount,
  );
  return {
    classOf: trie.classOf,
    classCount: trie.classCount,
    stateCount: trie.stateCount,
    dense: denseRows(trie, denseCount).map(linkTo),
    base: rows.base.slice(denseCount),
    owner: rows.owner.map((state) => (state < 0 ? state : state - denseCount)),
    link: rows.target.map(linkTo),
    fail: trie.fail.slice(denseCount).map(placeOf),
    longest,
    shorter,
    same: trie.same,
    lengths: Int32Array.from(literals, (literal) => literal.length),
  };
}

/** Full rows of the first states: breadth-first order has each failure link's row ready before it is copied. */
function denseRows(trie: LiteralTrie, count: number): Int32Array {
  const width = trie.classCount;
  const dense = new Int32Array(count * width);
  for (let state = 0; state < count; state += 1) {
    const fallback = (trie.fail[state] ?? 0) * width;
    for (let cls = 0; cls < width; cls += 1) {
      const next = step(trie, state, cls);
      if (next !== NONE) dense[state * width + cls] = next;
      else if (state > 0) dense[state * width + cls] = dense[fallback + cls] ?? 0;
    }
  }
  return dense;
}

function linkOutputs(trie: LiteralTrie, literalCount: number) {
  const longest = new Int32Array(trie.stateCount).fill(NONE);
  const shorter = new Int32Array(literalCount).fill(NONE);
  for (let state = 1; state < trie.stateCount; state += 1) {
    const suffix = longest[trie.fail[state] ?? 0] ?? NONE;
    const own = trie.ends[state] ?? NONE;
    longest[state] = own === NONE ? suffix : own;
    if (own !== NONE) shorter[own] = suffix;
  }
  return { longest, shorter };
}
