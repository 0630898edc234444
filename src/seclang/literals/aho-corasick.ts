/**
 * One automaton over bytes that looks for tens of thousands of literals in a single pass; it must never miss a literal,
 * since rules are skipped on its word, and its time must stay linear in the value, whatever it holds.
 */
import type { ByteString } from "../byte-string.ts";
import { packRows, type DoubleArray } from "./double-array.ts";
import { buildTrie, NONE, step, type LiteralTrie } from "./literal-trie.ts";

/** How an automaton reads its literals. */
interface LiteralOptions {
  /** Whether A-Z and a-z are the same letters. Other bytes are always compared as they are. Default: false. */
  readonly ignoreCase?: boolean;
}

/** Where a literal was found: `value.slice(start, end)` are its bytes as they stand in the value. */
interface LiteralMatch {
  /** Position of the literal in the list that the automaton was built from. */
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/**
 * How many states get a full row, the shallow ones first. Ordinary text almost never leaves them, so the hot rows stay
 * in the processor's cache; rows for all states would be megabytes and miss it.
 */
const DENSE_STATES = 512;

/** Where a scan stands: the next byte to read and the state before it. */
interface Cursor {
  at: number;
  state: number;
}

/** Built once, immutable, shared by all transactions. */
export class AhoCorasick {
  readonly stateCount: number;
  /** Bytes held by the tables. */
  readonly memoryBytes: number;
  private readonly classOf: Uint16Array;
  private readonly classCount: number;
  private readonly denseCount: number;
  private readonly dense: Int32Array;
  private readonly sparse: DoubleArray;
  private readonly fail: Int32Array;
  /** Per state: the longest literal that ends here, its own or a suffix's. */
  private readonly longest: Int32Array;
  /** Per literal: the longest shorter literal that ends with it, or NONE. */
  private readonly shorter: Int32Array;
  private readonly same: Int32Array;
  private readonly lengths: Int32Array;

  /** Throws RangeError for an empty literal. */
  constructor(literals: readonly ByteString[], options: LiteralOptions = {}) {
    const trie = buildTrie(literals, options.ignoreCase ?? false);
    this.stateCount = trie.stateCount;
    this.classOf = trie.classOf;
    this.classCount = trie.classCount;
    this.denseCount = Math.min(trie.stateCount, DENSE_STATES);
    this.dense = denseRows(trie, this.denseCount);
    const rows = { starts: trie.children, classes: trie.entryClass };
    this.sparse = packRows(rows, this.denseCount, trie.classCount);
    this.fail = trie.fail;
    this.same = trie.same;
    this.lengths = Int32Array.from(literals, (literal) => literal.length);
    const outputs = linkOutputs(trie, literals.length);
    this.longest = outputs.longest;
    this.shorter = outputs.shorter;
    const { base, owner, target } = this.sparse;
    const heads = [this.classOf, this.dense, this.fail, this.longest, base, owner, target];
    const tables = [...heads, this.shorter, this.same, this.lengths];
    this.memoryBytes = tables.reduce((sum, table) => sum + table.byteLength, 0);
  }

  /** Whether the value holds any of the literals. */
  test(value: ByteString): boolean {
    return this.runToHit(value, { at: 0, state: 0 });
  }

  /** The literal that ends first; of several that end there, the longest. */
  firstMatch(value: ByteString): LiteralMatch | undefined {
    const cursor = { at: 0, state: 0 };
    if (!this.runToHit(value, cursor)) return undefined;
    const id = this.longest[cursor.state] ?? NONE;
    return { id, start: cursor.at - (this.lengths[id] ?? 0), end: cursor.at };
  }

  /** Reports every occurrence of every literal, in the order of their ends; at one end the longest first. */
  scan(value: ByteString, onLiteral: (id: number, endOffset: number) => void): void {
    const { longest, shorter, same } = this;
    const cursor = { at: 0, state: 0 };
    while (this.runToHit(value, cursor)) {
      let first = longest[cursor.state] ?? NONE;
      for (; first !== NONE; first = shorter[first] ?? NONE) {
        for (let id = first; id !== NONE; id = same[id] ?? NONE) onLiteral(id, cursor.at);
      }
    }
  }

  /** Reads on from the cursor until a literal ends. The tables are local names here: this loop is the whole cost. */
  private runToHit(value: ByteString, cursor: Cursor): boolean {
    const { classOf, classCount, denseCount, dense, fail, longest } = this;
    const { base, owner, target } = this.sparse;
    let { at, state } = cursor;
    for (; at < value.length; at += 1) {
      const cls = classOf[value.charCodeAt(at)] ?? 0;
      let next = NONE;
      while (next === NONE && state >= denseCount) {
        const slot = (base[state] ?? 0) + cls;
        if (owner[slot] === state) next = target[slot] ?? 0;
        else state = fail[state] ?? 0;
      }
      state = next === NONE ? (dense[state * classCount + cls] ?? 0) : next;
      if (longest[state] === NONE) continue;
      cursor.at = at + 1;
      cursor.state = state;
      return true;
    }
    return false;
  }
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
