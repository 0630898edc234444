/**
 * Remembers the keys of every open object of one document and says when a key comes twice. It must never take longer
 * because an attacker chose the keys: small objects compare integers, large ones use a set of strings, whose hash is
 * seeded by the engine.
 */

/** Members of an object compared one by one before a set takes over: at most 496 integer comparisons an object. */
const LINEAR_KEYS = 32;
const EMPTY = Buffer.alloc(0);

export class JsonKeys {
  readonly #hashes: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Per depth: where the entries of the object open there begin. */
  readonly #bases: Int32Array;
  /**
   * Keys of the objects that outgrew the comparison or hold an escaped key, each with a leading quote: without it a key
   * such as "17" would be hashed as an array index, which the engine does not seed.
   */
  readonly #sets: (Set<string> | undefined)[];
  #body: Buffer = EMPTY;
  #top = 0;

  constructor(depth: number) {
    const entries = depth * LINEAR_KEYS;
    this.#hashes = new Int32Array(entries);
    this.#starts = new Int32Array(entries);
    this.#ends = new Int32Array(entries);
    this.#bases = new Int32Array(depth + 1);
    this.#sets = Array.from({ length: depth + 1 }, () => undefined);
  }

  begin(body: Buffer): void {
    this.#body = body;
    this.#top = 0;
  }

  end(): void {
    this.#body = EMPTY;
    this.#sets.fill(undefined);
  }

  open(depth: number): void {
    this.#bases[depth] = this.#top;
    this.#sets[depth] = undefined;
  }

  close(depth: number): void {
    this.#top = this.#bases[depth] as number;
  }

  /** Adds a key without escapes: its place between the quotes and its `hashOfKey`. False when it came before. */
  add(depth: number, start: number, end: number, hash: number): boolean {
    const set = this.#sets[depth];
    if (set) return addTo(set, this.#quoted(start, end));
    const base = this.#bases[depth] as number;
    const top = this.#top;
    for (let i = base; i < top; i++) {
      if (this.#hashes[i] === hash && this.#isSame(i, start, end)) return false;
    }
    if (top - base === LINEAR_KEYS) return addTo(this.#toSet(depth), this.#quoted(start, end));
    this.#hashes[top] = hash;
    this.#starts[top] = start;
    this.#ends[top] = end;
    this.#top = top + 1;
    return true;
  }

  /** Adds a key by its unescaped text; the object is kept as a set from then on. False when it came before. */
  addText(depth: number, key: string): boolean {
    return addTo(this.#sets[depth] ?? this.#toSet(depth), `"${key}`);
  }

  #isSame(entry: number, start: number, end: number): boolean {
    const otherStart = this.#starts[entry] as number;
    const otherEnd = this.#ends[entry] as number;
    if (otherEnd - otherStart !== end - start) return false;
    const body = this.#body;
    for (let i = 0; i < end - start; i++) {
      if (body[otherStart + i] !== body[start + i]) return false;
    }
    return true;
  }

  #toSet(depth: number): Set<string> {
    const set = new Set<string>();
    const base = this.#bases[depth] as number;
    for (let i = base; i < this.#top; i++) {
      set.add(this.#quoted(this.#starts[i] as number, this.#ends[i] as number));
    }
    this.#top = base;
    this.#sets[depth] = set;
    return set;
  }

  #quoted(start: number, end: number): string {
    return this.#body.toString("utf8", start - 1, end);
  }
}

/**
 * A hash of a key's length and of five of its bytes. It only spares comparisons, and keys made to collide cost no more
 * than `LINEAR_KEYS` comparisons each; so it need not see every byte.
 */
export function hashOfKey(body: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return 0;
  let hash = length;
  hash = Math.imul(hash, 31) + (body[start] as number);
  hash = Math.imul(hash, 31) + (body[start + (length >> 1)] as number);
  hash = Math.imul(hash, 31) + (body[Math.max(start, end - 3)] as number);
  hash = Math.imul(hash, 31) + (body[Math.max(start, end - 2)] as number);
  hash = Math.imul(hash, 31) + (body[end - 1] as number);
  return hash | 0;
}

function addTo(set: Set<string>, key: string): boolean {
  const before = set.size;
  set.add(key);
  return set.size > before;
}
