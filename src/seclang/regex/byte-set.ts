/** A set of byte values, the only alphabet patterns know: whatever a class is called, it must become one of these 256-bit sets. */

const WORDS = 8;

/** First and last byte, both included. */
export type ByteRange = readonly [first: number, last: number];

/** An immutable set of bytes. */
export class ByteSet {
  readonly #words: Uint32Array;
  #text: string | undefined;
  #bothCases: ByteSet | undefined;

  private constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** The set of all bytes in the ranges. */
  static of(...ranges: readonly ByteRange[]): ByteSet {
    const words = new Uint32Array(WORDS);
    for (const [first, last] of ranges) {
      for (let byte = first; byte <= last; byte++) setBit(words, byte);
    }
    return new ByteSet(words);
  }

  /** The set that has this text, as `toString` wrote it. */
  static fromText(text: string): ByteSet {
    const words = Uint32Array.from(text.split(","), Number);
    if (words.length !== WORDS) throw new Error("not the text of a set of bytes");
    return new ByteSet(words);
  }

  static union(sets: readonly ByteSet[]): ByteSet {
    const words = new Uint32Array(WORDS);
    for (const set of sets) {
      for (let i = 0; i < WORDS; i++) words[i] = (words[i] ?? 0) | (set.#words[i] ?? 0);
    }
    return new ByteSet(words);
  }

  has(byte: number): boolean {
    return (((this.#words[byte >> 5] ?? 0) >>> (byte & 31)) & 1) === 1;
  }

  overlaps(other: ByteSet): boolean {
    for (let i = 0; i < WORDS; i++) {
      if (((this.#words[i] ?? 0) & (other.#words[i] ?? 0)) !== 0) return true;
    }
    return false;
  }

  complement(): ByteSet {
    return new ByteSet(this.#words.map((word) => ~word));
  }

  /** With both cases of every ASCII letter in it; other bytes have no case, as in PCRE with the C locale. */
  withBothCases(): ByteSet {
    return (this.#bothCases ??= this.#addOtherCases());
  }

  #addOtherCases(): ByteSet {
    const words = this.#words.slice();
    for (let upper = 0x41; upper <= 0x5a; upper++) {
      if (this.has(upper)) setBit(words, upper | 0x20);
      if (this.has(upper | 0x20)) setBit(words, upper);
    }
    return new ByteSet(words);
  }

  /** The bytes in ascending order. */
  bytes(): number[] {
    const bytes: number[] = [];
    for (let i = 0; i < WORDS; i++) {
      for (let rest = this.#words[i] ?? 0; rest !== 0; rest &= rest - 1) {
        bytes.push(i * 32 + 31 - Math.clz32(rest & -rest));
      }
    }
    return bytes;
  }

  /** The fewest ranges that make up the set, ascending. */
  ranges(): ByteRange[] {
    const ranges: ByteRange[] = [];
    let first = -1;
    for (let byte = 0; byte <= 256; byte++) {
      const isIn = byte < 256 && this.has(byte);
      if (isIn && first < 0) first = byte;
      if (!isIn && first >= 0) {
        ranges.push([first, byte - 1]);
        first = -1;
      }
    }
    return ranges;
  }

  /** Equal sets have equal text; good as a key, and to be read back by `fromText`. */
  toString(): string {
    return (this.#text ??= this.#words.join());
  }
}

function setBit(words: Uint32Array, byte: number): void {
  words[byte >> 5] = (words[byte >> 5] ?? 0) | (1 << (byte & 31));
}

/** `\d` */
export const DIGITS: ByteSet = ByteSet.of([0x30, 0x39]);
/** `\w`: what has a word boundary at its edge. */
export const WORD_BYTES: ByteSet = ByteSet.of(
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
);
/** `\s`, with the vertical tab, as PCRE has it since 8.34. */
export const SPACES: ByteSet = ByteSet.of([0x09, 0x0d], [0x20, 0x20]);
/** `\h` of PCRE over bytes. */
export const HORIZONTAL_SPACES: ByteSet = ByteSet.of([0x09, 0x09], [0x20, 0x20], [0xa0, 0xa0]);
/** `\v` of PCRE over bytes: unlike JavaScript's `\v` not only the vertical tab. */
export const VERTICAL_SPACES: ByteSet = ByteSet.of([0x0a, 0x0d], [0x85, 0x85]);
export const NEWLINE_SET: ByteSet = ByteSet.of([0x0a, 0x0a]);
export const ALL_BYTES: ByteSet = ByteSet.of([0, 255]);
