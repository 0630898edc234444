/**
 * Which of thousands of literals a value holds, in a single pass and without regard to the case of ASCII letters; it must
 * never miss one, since rules are skipped on its word.
 */
import type { ByteString } from "../byte-string.ts";
import { buildTables, type AutomatonTables } from "./automaton-tables.ts";
import { buildFullTable, type FullTable } from "./full-table.ts";
import { NONE } from "./literal-trie.ts";

/** Bits of one number. */
const MARKS_LIMIT = 32;
const UPPER_CASE_OFFSET = 0x20;

/** The literals of one value, each once. Made for one finder and used again for each value. */
export class FoundLiterals {
  count = 0;
  /** Positions in the list that the finder was built from. */
  readonly ids: Int32Array;
  private readonly isFound: Uint8Array;

  constructor({ literalCount }: LiteralFinder) {
    this.ids = new Int32Array(literalCount);
    this.isFound = new Uint8Array(literalCount);
  }

  /** False if it was there already. */
  add(id: number): boolean {
    if (this.isFound[id] === 1) return false;
    this.isFound[id] = 1;
    this.ids[this.count] = id;
    this.count += 1;
    return true;
  }

  clear(): void {
    for (let at = 0; at < this.count; at += 1) this.isFound[this.ids[at] ?? 0] = 0;
    this.count = 0;
  }
}

/** Built once, immutable, shared by all transactions. */
export class LiteralFinder {
  readonly tables: AutomatonTables;
  readonly literalCount: number;
  private readonly full: FullTable | undefined;
  /** By the automaton's number of a literal: its position in the list. */
  private readonly idOf: Int32Array;
  /** The positions of the literals that are one byte, by bit; and the bit of each byte. */
  private readonly idOfMark: readonly number[];
  private readonly markOf = new Int32Array(256);

  /** Throws RangeError for an empty literal, and for tables of other literals. */
  constructor(literals: readonly ByteString[], tables?: AutomatonTables) {
    const isMark = new Set<number>();
    // WHY: a single letter ends at every third byte of a text; as a literal of the automaton it would stop the scan there.
    for (const [id, literal] of literals.entries())
      if (literal.length === 1 && isMark.size < MARKS_LIMIT) isMark.add(id);
    this.literalCount = literals.length;
    this.idOfMark = [...isMark];
    for (const [bit, id] of this.idOfMark.entries()) this.addMark(literals[id] ?? "", 1 << bit);
    this.idOf = Int32Array.from(literals.keys()).filter((id) => !isMark.has(id));
    this.tables =
      tables ??
      buildTables(
        literals.filter((_, id) => !isMark.has(id)),
        { ignoreCase: true },
      );
    if (this.tables.lengths.length !== this.idOf.length)
      throw new RangeError("the tables belong to other literals");
    this.full = buildFullTable(this.tables);
  }

  /** Bytes held by the tables. */
  get memoryBytes(): number {
    return Object.values(this.tables).reduce<number>(
      (sum, table) => sum + (ArrayBuffer.isView(table) ? table.byteLength : 0),
      this.idOf.byteLength + this.markOf.byteLength + (this.full?.rows.byteLength ?? 0),
    );
  }

  /** Adds the literals that the value holds, of those with the same bytes at least one. */
  collect(value: ByteString, found: FoundLiterals): void {
    const marks =
      this.full === undefined
        ? this.collectPacked(value, found)
        : this.collectFull(value, this.full, found);
    if (marks !== 0) this.addMarks(marks, found);
  }

  /** Returns the marks in the value, as does `collectPacked`. */
  private collectFull(
    value: ByteString,
    { rows, start, firstEnding, longest }: FullTable,
    found: FoundLiterals,
  ): number {
    const { classOf, classCount } = this.tables;
    const { markOf } = this;
    const { length } = value;
    let state = start;
    let marks = 0;
    for (let at = 0; at < length; at += 1) {
      const byte = value.charCodeAt(at);
      marks |= markOf[byte] ?? 0;
      state = rows[state * classCount + (classOf[byte] ?? 0)] ?? 0;
      if (state >= firstEnding) this.addEnding(longest[state - firstEnding] ?? NONE, found);
    }
    return marks;
  }

  private collectPacked(value: ByteString, found: FoundLiterals): number {
    const { classOf, dense, base, owner, link, fail } = this.tables;
    const { markOf } = this;
    const firstSparse = dense.length;
    const { length } = value;
    let place = 0;
    let marks = 0;
    for (let at = 0; at < length; at += 1) {
      const byte = value.charCodeAt(at);
      marks |= markOf[byte] ?? 0;
      const cls = classOf[byte] ?? 0;
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
      if ((next & 1) === 1) this.addEnding(this.longestAt(place), found);
    }
    return marks;
  }

  private longestAt(place: number): number {
    const { dense, classCount, longest } = this.tables;
    const rows = Math.trunc(dense.length / classCount);
    const isDense = place < dense.length;
    return longest[isDense ? Math.trunc(place / classCount) : place - dense.length + rows] ?? NONE;
  }

  /** What ends with a literal that was found before was found with it. */
  private addEnding(longest: number, found: FoundLiterals): void {
    const { shorter } = this.tables;
    let literal = longest;
    while (literal !== NONE && found.add(this.idOf[literal] ?? 0)) {
      literal = shorter[literal] ?? NONE;
    }
  }

  private addMark(mark: ByteString, bit: number): void {
    const byte = mark.charCodeAt(0);
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + UPPER_CASE_OFFSET : byte;
    this.markOf[lower] = (this.markOf[lower] ?? 0) | bit;
    if (lower < 0x61 || lower > 0x7a) return;
    this.markOf[lower - UPPER_CASE_OFFSET] = this.markOf[lower] ?? 0;
  }

  private addMarks(marks: number, found: FoundLiterals): void {
    for (let left = marks; left !== 0; left &= left - 1) {
      found.add(this.idOfMark[31 - Math.clz32(left & -left)] ?? 0);
    }
  }
}
