/**
 * Reads a JSON text (RFC 8259, and the stricter RFC 7493 where the two differ) in one pass over its bytes, and refuses
 * whatever two parsers could read differently. It must never recurse, backtrack or do more work than the text is long.
 */
import { isUtf8 } from "node:buffer";
import { firstInvalidUtf8, type JsonFinding, type JsonFlaw, toPointer } from "./json-finding.ts";
import { hashOfKey, JsonKeys } from "./json-keys.ts";
import { PlainJson } from "./plain-json.ts";
import {
  isFiniteNumber,
  lengthOfEscape,
  lengthOfLiteral,
  lengthOfNumber,
  skipPlain,
  skipSpace,
} from "./json-tokens.ts";

/** What a text may hold. Each limit names its default's reason where the default is defined (`config.ts`). */
export interface JsonLimits {
  /** Objects and arrays inside one another. */
  readonly depth: number;
  /** Members of all objects and elements of all arrays together. */
  readonly members: number;
  /** Bytes of one string, as written between its quotes. */
  readonly stringBytes: number;
  /** Bytes of one key, as written between its quotes. */
  readonly keyBytes: number;
  /** Characters of one number. */
  readonly numberBytes: number;
  readonly duplicateKeys: "refuse" | "allow";
  /** Keys refused at any depth, compared after unescaping. */
  readonly forbiddenKeys: readonly string[];
}

export interface JsonValue {
  readonly kind: "value";
  readonly json: unknown;
  /** Members and elements in all. */
  readonly members: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Positions are offsets; these two end the pass. */
const FLAWED = -1;
const DONE = -2;

const EMPTY = Buffer.alloc(0);
/** One reader per set of limits; it keeps its working memory, so it must finish one text before the next. */
export class StrictJson {
  readonly #limits: JsonLimits;
  readonly #plain: PlainJson;
  readonly #forbidden: ReadonlySet<string>;
  /** Hashes of the forbidden keys: only a key with one of them is turned into text and looked up. */
  readonly #forbiddenHashes: readonly number[];
  readonly #refusesDuplicates: boolean;
  readonly #keys: JsonKeys;

  // Per depth, from 1: what is open there, its members so far, and the key being read.
  readonly #closers: Uint8Array;
  readonly #counts: Int32Array;
  readonly #keyStarts: Int32Array;
  readonly #keyEnds: Int32Array;

  #body: Buffer = EMPTY;
  #depth = 0;
  #members = 0;
  #flaw: JsonFlaw = "malformed";
  #flawAt = 0;
  #isEscaped = false;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
    this.#plain = new PlainJson(limits);
    this.#forbidden = new Set(limits.forbiddenKeys);
    this.#forbiddenHashes = limits.forbiddenKeys.map((key) => {
      const bytes = Buffer.from(key);
      return hashOfKey(bytes, 0, bytes.length);
    });
    this.#refusesDuplicates = limits.duplicateKeys === "refuse";
    this.#keys = new JsonKeys(limits.depth);
    this.#closers = new Uint8Array(limits.depth + 1);
    this.#counts = new Int32Array(limits.depth + 1);
    this.#keyStarts = new Int32Array(limits.depth + 1);
    this.#keyEnds = new Int32Array(limits.depth + 1);
  }

  /** The text's value, or the first flaw in it. Never throws. */
  read(body: Buffer): JsonValue | JsonFinding {
    return this.#plain.read(body) ?? this.readStrictly(body);
  }

  /** The same byte by byte, whatever the text looks like. */
  readStrictly(body: Buffer): JsonValue | JsonFinding {
    this.#begin(body);
    try {
      if (!isUtf8(body)) return this.#finding("invalid_utf8", firstInvalidUtf8(body));
      if (this.#document() !== DONE) return this.#finding(this.#flaw, this.#flawAt);
      return { kind: "value", json: JSON.parse(body.toString("utf8")), members: this.#members };
    } finally {
      this.#body = EMPTY;
      this.#keys.end();
    }
  }

  #begin(body: Buffer): void {
    this.#body = body;
    this.#keys.begin(body);
    this.#depth = 0;
    this.#members = 0;
  }

  #document(): number {
    const body = this.#body;
    if (body[0] === 0xef) return this.#fail("byte_order_mark", 0);
    let at = skipSpace(body, 0);
    while (at >= 0) {
      const byte = at < body.length ? (body[at] as number) : 0;
      if (byte === OPEN_OBJECT) at = this.#open(at, CLOSE_OBJECT);
      else if (byte === OPEN_ARRAY) at = this.#open(at, CLOSE_ARRAY);
      else at = this.#afterValue(byte === QUOTE ? this.#string(at) : this.#scalar(at));
    }
    return at;
  }

  /** Opens a container; gives the offset of its first member's value, or what follows when it is empty. */
  #open(at: number, closer: number): number {
    if (this.#depth === this.#limits.depth) return this.#fail("too_deep", at);
    const depth = ++this.#depth;
    this.#closers[depth] = closer;
    this.#counts[depth] = 0;
    const isObject = closer === CLOSE_OBJECT;
    if (isObject) this.#keys.open(depth);
    const first = skipSpace(this.#body, at + 1);
    if (first < this.#body.length && this.#body[first] === closer) {
      return this.#afterValue(this.#close(first));
    }
    return isObject ? this.#member(first) : this.#element(first);
  }

  #close(at: number): number {
    if (this.#closers[this.#depth] === CLOSE_OBJECT) this.#keys.close(this.#depth);
    this.#depth--;
    return at + 1;
  }

  /** Behind a value: closes what ends there; gives the offset of the next value, or `DONE` behind the last one. */
  #afterValue(behind: number): number {
    if (behind < 0) return behind;
    const body = this.#body;
    let at = skipSpace(body, behind);
    while (this.#depth > 0) {
      const byte = at < body.length ? (body[at] as number) : 0;
      const closer = this.#closers[this.#depth];
      if (byte === COMMA) {
        const next = skipSpace(body, at + 1);
        return closer === CLOSE_OBJECT ? this.#member(next) : this.#element(next);
      }
      if (byte !== closer) return this.#fail("malformed", at);
      at = skipSpace(body, this.#close(at));
    }
    return at === body.length ? DONE : this.#fail("trailing_data", at);
  }

  #element(at: number): number {
    this.#counts[this.#depth] = (this.#counts[this.#depth] as number) + 1;
    return ++this.#members > this.#limits.members ? this.#fail("too_many_members", at) : at;
  }

  /** A key and its colon; gives the offset of the value. */
  #member(at: number): number {
    const body = this.#body;
    if (at >= body.length || body[at] !== QUOTE) return this.#fail("malformed", at);
    const start = at + 1;
    const end = this.#endOfString(start);
    if (end < 0) return end;
    this.#keyStarts[this.#depth] = start;
    this.#keyEnds[this.#depth] = end;
    if (this.#element(at) < 0) return FLAWED;
    if (end - start > this.#limits.keyBytes) return this.#fail("key_too_long", at);
    const flaw = this.#isEscaped ? this.#judgeText(start, end) : this.#judgeKey(start, end);
    if (flaw !== undefined) return this.#fail(flaw, at);
    const colon = skipSpace(body, end + 1);
    if (colon >= body.length || body[colon] !== COLON) return this.#fail("malformed", colon);
    return skipSpace(body, colon + 1);
  }

  #judgeKey(start: number, end: number): JsonFlaw | undefined {
    const hash = hashOfKey(this.#body, start, end);
    if (this.#forbiddenHashes.includes(hash) && this.#forbidden.has(this.#unescaped(start, end))) {
      return "forbidden_key";
    }
    if (!this.#refusesDuplicates || this.#keys.add(this.#depth, start, end, hash)) return undefined;
    return "duplicate_key";
  }

  /** The same for a key with escapes, by what it means. */
  #judgeText(start: number, end: number): JsonFlaw | undefined {
    const text = this.#unescaped(start, end);
    if (this.#forbidden.has(text)) return "forbidden_key";
    if (!this.#refusesDuplicates || this.#keys.addText(this.#depth, text)) return undefined;
    return "duplicate_key";
  }

  #unescaped(start: number, end: number): string {
    return JSON.parse(this.#body.toString("utf8", start - 1, end + 1)) as string;
  }

  #string(at: number): number {
    const end = this.#endOfString(at + 1);
    if (end < 0) return end;
    return end - at - 1 > this.#limits.stringBytes ? this.#fail("string_too_long", at) : end + 1;
  }

  /** Offset of the closing quote. Leaves in `#isEscaped` whether there was an escape. */
  #endOfString(start: number): number {
    const body = this.#body;
    this.#isEscaped = false;
    let at = skipPlain(body, start);
    while (at < body.length) {
      const byte = body[at];
      if (byte === QUOTE) return at;
      if (byte !== BACKSLASH) return this.#fail("malformed", at);
      this.#isEscaped = true;
      const length = lengthOfEscape(body, at);
      if (length <= 0) return this.#fail(length < 0 ? "lone_surrogate" : "malformed", at);
      at = skipPlain(body, at + length);
    }
    return this.#fail("malformed", at);
  }

  #scalar(at: number): number {
    const body = this.#body;
    const digits = lengthOfNumber(body, at);
    if (digits === 0) {
      const letters = lengthOfLiteral(body, at);
      return letters > 0 ? at + letters : this.#fail("malformed", at);
    }
    if (digits < 0) return this.#fail("malformed", at - digits);
    if (digits > this.#limits.numberBytes) return this.#fail("number_too_long", at);
    return isFiniteNumber(body, at, digits) ? at + digits : this.#fail("number_out_of_range", at);
  }
  #fail(flaw: JsonFlaw, at: number): number {
    this.#flaw = flaw;
    this.#flawAt = at;
    return FLAWED;
  }

  #finding(flaw: JsonFlaw, offset: number): JsonFinding {
    const tokens: string[] = [];
    for (let depth = 1; depth <= this.#depth; depth++) {
      const isObject = this.#closers[depth] === CLOSE_OBJECT;
      const count = this.#counts[depth] as number;
      if (count === 0) break;
      tokens.push(isObject ? this.#keyAt(depth) : String(count - 1));
    }
    return { kind: "flawed", flaw, offset, pointer: toPointer(tokens) };
  }

  #keyAt(depth: number): string {
    return this.#unescaped(this.#keyStarts[depth] as number, this.#keyEnds[depth] as number);
  }
}
