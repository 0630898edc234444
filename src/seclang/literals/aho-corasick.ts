/**
 * One automaton over bytes that looks for tens of thousands of literals in a single pass; it must never miss a literal,
 * since rules are skipped on its word, and its time must stay linear in the value, whatever it holds.
 */
import type { ByteString } from "../byte-string.ts";
import { buildTables, type AutomatonTables } from "./automaton-tables.ts";
import { NONE } from "./literal-trie.ts";

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

/** Where a scan stands: the next byte to read and the place before it. */
interface Cursor {
  at: number;
  place: number;
}

/** Built once, immutable, shared by all transactions. */
export class AhoCorasick {
  readonly tables: AutomatonTables;

  /** Throws RangeError for an empty literal. */
  constructor(literals: readonly ByteString[] | AutomatonTables, options: LiteralOptions = {}) {
    this.tables = Array.isArray(literals)
      ? buildTables(literals, { ignoreCase: options.ignoreCase ?? false })
      : (literals as AutomatonTables);
  }

  get stateCount(): number {
    return this.tables.stateCount;
  }

  /** Bytes held by the tables. */
  get memoryBytes(): number {
    return Object.values(this.tables).reduce<number>(
      (sum, table) => sum + (ArrayBuffer.isView(table) ? table.byteLength : 0),
      0,
    );
  }

  /** Whether the value holds any of the literals. */
  test(value: ByteString): boolean {
    return this.runToHit(value, { at: 0, place: 0 });
  }

  /** The literal that ends first; of several that end there, the longest. */
  firstMatch(value: ByteString): LiteralMatch | undefined {
    const cursor = { at: 0, place: 0 };
    if (!this.runToHit(value, cursor)) return undefined;
    const id = this.longestAt(cursor.place);
    return { id, start: cursor.at - (this.tables.lengths[id] ?? 0), end: cursor.at };
  }

  /** Reports every occurrence of every literal, in the order of their ends; at one end the longest first. */
  scan(value: ByteString, onLiteral: (id: number, endOffset: number) => void): void {
    const { shorter, same } = this.tables;
    const cursor = { at: 0, place: 0 };
    while (this.runToHit(value, cursor)) {
      let first = this.longestAt(cursor.place);
      for (; first !== NONE; first = shorter[first] ?? NONE) {
        for (let id = first; id !== NONE; id = same[id] ?? NONE) onLiteral(id, cursor.at);
      }
    }
  }

  private longestAt(place: number): number {
    const { dense, classCount, longest } = this.tables;
    const isDense = place < dense.length;
    const state = isDense ? place / classCount : place - dense.length + dense.length / classCount;
    return longest[state] ?? NONE;
  }

  /** Reads on from the cursor until a literal ends. The tables are local names here: this loop is the whole cost. */
  private runToHit(value: ByteString, cursor: Cursor): boolean {
    const { classOf, dense, base, owner, link, fail } = this.tables;
    const firstSparse = dense.length;
    let { at, place } = cursor;
    for (; at < value.length; at += 1) {
      const cls = classOf[value.charCodeAt(at)] ?? 0;
      let next = NONE;
      while (place >= firstSparse) {
        const state = place - firstSparse;
        const slot = (base[state] ?? 0) + cls;
        if (owner[slot] === state) {
          next = link[slot] ?? 0;
          break;
        }
        place = fail[state] ?? 0;
      }
      if (next === NONE) next = dense[place + cls] ?? 0;
      place = next >> 1;
      if ((next & 1) === 0) continue;
      cursor.at = at + 1;
      cursor.place = place;
      return true;
    }
    return false;
  }
}
