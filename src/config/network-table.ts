/**
 * Networks of one address family, packed and sorted: 5 or 17 bytes each, so that lists of a million fit and are looked
 * up in well under a microsecond. Nothing may be added once it is sealed, nor looked up before.
 */
import { lastRead } from "./ip-text.ts";

const FIRST_CAPACITY = 16;
/** A first word of 32 bits and an index below this make a number that is held exactly. */
const KEY_INDEXES = 2 ** 21;

/** Words of an address: 32 bits each, most significant first. */
type Words = Readonly<Record<number, number>>;

export class NetworkTable {
  /** 32-bit words of an address: 1 for IPv4, 4 for IPv6. */
  readonly #width: number;
  #count = 0;
  #words: Uint32Array;
  #prefixes: Uint8Array;

  constructor(width: number) {
    this.#width = width;
    this.#words = new Uint32Array(FIRST_CAPACITY * width);
    this.#prefixes = new Uint8Array(FIRST_CAPACITY);
  }

  /** Adds a network by its first address and the number of leading bits that count. */
  add(words: Words, prefixBits: number): void {
    if (this.#count === this.#prefixes.length) this.#resize(2 * this.#count, this.#count);
    for (let i = 0; i < this.#width; i++)
      this.#words[this.#count * this.#width + i] = words[i] as number;
    this.#prefixes[this.#count++] = prefixBits;
  }

  /** Sorts, and drops networks that lie inside another: at most one of those left can hold an address. */
  seal(): void {
    const [words, prefixes] = [this.#words, this.#prefixes];
    const order = this.#order();
    this.#words = new Uint32Array(words.length);
    this.#prefixes = new Uint8Array(prefixes.length);
    let kept = 0;
    for (const from of order) {
      const first = words.subarray(from * this.#width, (from + 1) * this.#width);
      if (kept > 0 && this.#holds(kept - 1, first)) continue;
      this.#words.set(first, kept * this.#width);
      this.#prefixes[kept++] = prefixes[from] as number;
    }
    this.#count = kept;
    this.#resize(kept, kept);
  }

  /** Whether the address last read lies in one of them. */
  coversCurrent(): boolean {
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (this.#isAtOrBelowCurrent(middle)) low = middle + 1;
      else high = middle - 1;
    }
    return high >= 0 && this.#holds(high, lastRead);
  }

  #holds(index: number, words: Words): boolean {
    const at = index * this.#width;
    const prefixBits = this.#prefixes[index] as number;
    for (let i = 0; i < this.#width; i++) {
      const masked = ((words[i] as number) & maskOfWord(prefixBits, i)) >>> 0;
      if (masked !== this.#words[at + i]) return false;
    }
    return true;
  }

  #isAtOrBelowCurrent(index: number): boolean {
    const at = index * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const start = this.#words[at + i] as number;
      const word = lastRead[i] as number;
      if (start !== word) return start < word;
    }
    return true;
  }

  /**
   * Indexes by first address, then the widest first. By numbers that hold the first word and the index: a sort that
   * compares takes a second for a million, and no request is served meanwhile.
   */
  #order(): Uint32Array {
    const [words, width, count] = [this.#words, this.#width, this.#count];
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    const compare = (a: number, b: number): number => this.#compare(a, b);
    if (count > KEY_INDEXES) return order.sort(compare);
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = (words[i * width] as number) * KEY_INDEXES + i;
    keys.sort();
    for (let i = 0; i < count; i++) order[i] = (keys[i] as number) % KEY_INDEXES;
    const firstWord = (at: number): number => words[(order[at] as number) * width] as number;
    for (let from = 0, to = 1; from < count; from = to++) {
      while (to < count && firstWord(to) === firstWord(from)) to++;
      if (to - from > 1) order.subarray(from, to).sort(compare);
    }
    return order;
  }

  #compare(a: number, b: number): number {
    const [words, width] = [this.#words, this.#width];
    for (let i = 0; i < width; i++) {
      const difference = (words[a * width + i] as number) - (words[b * width + i] as number);
      if (difference !== 0) return difference;
    }
    return (this.#prefixes[a] as number) - (this.#prefixes[b] as number);
  }

  #resize(capacity: number, count: number): void {
    const [words, prefixes] = [this.#words, this.#prefixes];
    this.#words = new Uint32Array(capacity * this.#width);
    this.#words.set(words.subarray(0, count * this.#width));
    this.#prefixes = new Uint8Array(capacity);
    this.#prefixes.set(prefixes.subarray(0, count));
  }
}

/** The mask of the index-th 32-bit word under a prefix, unsigned. */
export function maskOfWord(prefixBits: number, index: number): number {
  const bits = Math.min(32, Math.max(0, prefixBits - index * 32));
  // A shift by 32 is a shift by 0 in JavaScript.
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}
