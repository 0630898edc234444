/**
 * Which rules matched the short strings that come again and again: names and headers. It must never hold the values of
 * arguments, and never grow beyond its bounds, whatever is sent.
 */
import type { ByteString } from "../byte-string.ts";
import { PART } from "../collections/entry.ts";

/** Longer strings seldom come again; raised, each entry that a caller makes up holds more memory. */
const LONGEST_VALUE_BYTES = 128;
/** Strings of a generation and collection; raised, made-up strings hold more memory, lowered, frequent ones fall out. */
const GENERATION_STRINGS = 1024;
/** Names under which one value is known; two headers rarely have the same value. Raised, one value holds a long list. */
const NAMES_OF_VALUE = 4;

const CACHED_PARTS =
  PART.argsGetNames |
  PART.argsPostNames |
  PART.requestHeaders |
  PART.requestHeadersNames |
  PART.requestCookiesNames;

export const isCached = (part: number, value: ByteString): boolean =>
  (part & CACHED_PARTS) !== 0 && value.length <= LONGEST_VALUE_BYTES;

interface Verdict {
  readonly name: ByteString;
  readonly rules: readonly number[];
}

/**
 * Strings that were seen once, as a power of two. WHY: tokens, trace and request ids never come again; to keep each would
 * push out what does, and moving them in memory costs more than what is saved.
 */
const SEEN_SLOT_BITS = 8;
/** Every third byte tells nearly all values apart. */
const HASH_STRIDE = 3;
const HASH_FACTOR = 0x01000193;
const HASH_FINISH = 0x9e3779b1;

/** WHY: a part cut out of a message keeps the whole message in memory for as long as it is kept itself. */
function ownCopy(text: ByteString): ByteString {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** Of one collection. The older generation goes when the younger is full; what is asked for moves to the younger. */
export class VerdictCache {
  private younger = new Map<ByteString, Verdict[]>();
  private older = new Map<ByteString, Verdict[]>();
  /** Strings that came once; one of the same slot takes the place of another. */
  private readonly seen: (ByteString | undefined)[] | undefined;

  /** `waits`: keeps a verdict only when its value comes the second time. */
  constructor(options: { readonly waits?: boolean } = {}) {
    if (options.waits === true) this.seen = Array.from({ length: 2 ** SEEN_SLOT_BITS });
  }

  get(name: ByteString, value: ByteString): readonly number[] | undefined {
    const verdicts = this.younger.get(value) ?? this.revive(value);
    if (verdicts === undefined) return undefined;
    for (const verdict of verdicts) if (verdict.name === name) return verdict.rules;
    return undefined;
  }

  set(name: ByteString, value: ByteString, rules: readonly number[]): void {
    const verdicts = this.younger.get(value);
    if (verdicts === undefined) {
      if (this.isAwaited(value)) this.keep(ownCopy(value), [{ name: ownCopy(name), rules }]);
    } else if (verdicts.length < NAMES_OF_VALUE) verdicts.push({ name: ownCopy(name), rules });
  }

  private isAwaited(value: ByteString): boolean {
    if (this.seen === undefined) return true;
    let mixed = value.length;
    for (let at = mixed - 1; at >= 0; at -= HASH_STRIDE) {
      mixed = Math.imul(mixed ^ value.charCodeAt(at), HASH_FACTOR);
    }
    const slot = Math.imul(mixed, HASH_FINISH) >>> (32 - SEEN_SLOT_BITS);
    if (this.seen[slot] === value) return true;
    this.seen[slot] = value;
    return false;
  }

  private revive(value: ByteString): Verdict[] | undefined {
    const verdicts = this.older.get(value);
    if (verdicts !== undefined) this.keep(value, verdicts);
    return verdicts;
  }

  private keep(value: ByteString, verdicts: Verdict[]): void {
    if (this.younger.size >= GENERATION_STRINGS) {
      this.older = this.younger;
      this.younger = new Map();
    }
    this.younger.set(value, verdicts);
  }
}
