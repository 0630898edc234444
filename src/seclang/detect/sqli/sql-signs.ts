/**
 * Whether a value holds any of the signs without which nothing is an injection, in one look at its bytes: most values
 * hold none. It must say yes when in doubt, since what it dismisses is not read any further.
 */
import type { ByteString } from "../../byte-string.ts";
import { COMPARISONS, PHRASES, WORDS } from "./sql-words.ts";

/** What a byte means to the look, a bit each. */
const LETTER = 1;
/** It goes on in a word that began before it, and begins none that means anything. */
const IN_WORD = 2;
/** It may begin a string, a call, a comment or a further statement. */
const SIGN = 4;
/** The same if it comes twice, or as the beginning of a block comment. */
const HALF_SIGN = 8;
const COMPARISON = 16;
/** Goes on in a word; behind a number a word may begin. */
const WORD_TAIL = 32;

const KIND_OF = Uint8Array.from({ length: 256 }, (_, code) => kindOf(String.fromCharCode(code)));

function kindOf(byte: ByteString): number {
  if (/[a-z]/i.test(byte)) return LETTER;
  if (/["'(#;]/.test(byte)) return SIGN;
  if (/[-|&/]/.test(byte)) return HALF_SIGN;
  if (/[=<>]/.test(byte)) return COMPARISON;
  if (/[\d$]/.test(byte)) return WORD_TAIL;
  return /[_\x80-\x9f\xa1-\xff]/.test(byte) ? IN_WORD : 0;
}

/** Of a hexadecimal number, whose digits hide where the next word begins. */
const ZERO = 0x30;
const LOWER_X = 0x78;
const SLASH = 0x2f;
const STAR = 0x2a;
const LETTER_BITS = 0x1f;

/** Every attack has one of these, but for those with a sign and the one of `STATEMENT_KEYWORDS`. */
const TRIGGER = 1;
/** Two of these and a comparison are the rest of a statement: `from users where a=1`. */
const KEYWORD = 2;
const STATEMENT_KEYWORDS = 2;
const COMPARING = 4;

const MEANING_OF: ReadonlyMap<string, number> = meanings();
/** By the first letter's last five bits: a bit for each length of a word that has a meaning here. */
const LENGTHS = lengthsOf(MEANING_OF.keys());

function meanings(): Map<string, number> {
  const found = new Map<string, number>();
  const add = (word: string, meaning: number): void =>
    void found.set(word, (found.get(word) ?? 0) | meaning);
  for (const [word, kind] of WORDS) {
    if ("&UEBT".includes(kind)) add(word, TRIGGER);
    if (kind === "k") add(word, KEYWORD);
  }
  for (const [phrase, kind] of PHRASES)
    if (kind !== "o") add(phrase.slice(0, phrase.indexOf(" ")), TRIGGER);
    else for (const word of phrase.split(" ")) add(word, COMPARING);
  for (const word of COMPARISONS) add(word, COMPARING);
  return found;
}

function lengthsOf(words: Iterable<string>): Int32Array {
  const lengths = new Int32Array(LETTER_BITS + 1);
  for (const word of words) {
    const letter = word.charCodeAt(0) & LETTER_BITS;
    lengths[letter] = (lengths[letter] ?? 0) | (1 << word.length);
  }
  return lengths;
}

/** False: no tokens of the value make an attack, wherever it is put. */
export function hasSqlSigns(value: ByteString): boolean {
  const { length } = value;
  let isCompared = false;
  let keywords = 0;
  let before = 0;
  for (let at = 0; at < length; at += 1) {
    const code = value.charCodeAt(at);
    const kind = KIND_OF[code] ?? 0;
    if (kind === LETTER) {
      const start = at;
      if ((code | 0x20) === LOWER_X && value.charCodeAt(start - 1) === ZERO) return true;
      while (KIND_OF[value.charCodeAt(at + 1)] === LETTER) at += 1;
      const after = KIND_OF[value.charCodeAt(at + 1)] ?? 0;
      const isWord = before !== IN_WORD && (after & (IN_WORD | WORD_TAIL)) === 0;
      const meaning = isWord ? meaningOf(value, start, at + 1) : 0;
      if ((meaning & TRIGGER) !== 0) return true;
      if ((meaning & KEYWORD) !== 0) keywords += 1;
      if ((meaning & COMPARING) !== 0) isCompared = true;
    } else if (kind === SIGN) return true;
    else if (kind === HALF_SIGN) {
      const next = value.charCodeAt(at + 1);
      if (next === (code === SLASH ? STAR : code)) return true;
    } else if (kind === COMPARISON) isCompared = true;
    before = kind;
  }
  return isCompared && keywords >= STATEMENT_KEYWORDS;
}

function meaningOf(value: ByteString, start: number, end: number): number {
  const length = end - start;
  const lengths = LENGTHS[value.charCodeAt(start) & LETTER_BITS] ?? 0;
  if (length > LETTER_BITS || ((lengths >>> length) & 1) === 0) return 0;
  return MEANING_OF.get(value.slice(start, end).toLowerCase()) ?? 0;
}
