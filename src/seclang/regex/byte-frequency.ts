/** How often bytes occur in ordinary values, roughly; decides only which filter is cheapest, never what matches. */
import type { ByteSet } from "./byte-set.ts";

/** Letters of English per thousand bytes of text, a to z. */
const LETTERS_PER_THOUSAND = [
  65, 12, 22, 34, 102, 18, 16, 49, 56, 2, 6, 32, 19, 54, 60, 15, 1, 48, 51, 72, 22, 8, 19, 2, 16, 1,
] as const;
const SPACE = 0.15;
const DIGIT = 0.03;
/** Punctuation of prose, names, addresses and JSON. */
const COMMON_PUNCTUATION = 0.02;
const OTHER_PUNCTUATION = 0.004;
/** Control bytes, and the bytes of other scripts. */
const RARE = 0.002;

const FREQUENCIES = Float64Array.from({ length: 256 }, (_, byte) => frequency(byte));

function frequency(byte: number): number {
  const letter = (byte | 0x20) - 0x61;
  const isLetter = letter >= 0 && letter < 26 && byte < 0x80;
  // Literals are compared in lower case: there both cases count as one.
  if (isLetter) return (LETTERS_PER_THOUSAND[letter] ?? 0) / 1_000;
  if (byte === 0x20) return SPACE;
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  if (".,-_/:\"'".includes(String.fromCharCode(byte))) return COMMON_PUNCTUATION;
  return byte > 0x20 && byte < 0x7f ? OTHER_PUNCTUATION : RARE;
}

/** The share of benign places where the literal, in lower case, begins. */
export function literalFrequency(literal: string): number {
  let product = 1;
  for (let i = 0; i < literal.length; i++) product *= FREQUENCIES[literal.charCodeAt(i)] ?? RARE;
  return product;
}

const setFrequencies = new WeakMap<ByteSet, number>();

/** The share of benign bytes in the set. */
export function setFrequency(set: ByteSet): number {
  const known = setFrequencies.get(set);
  if (known !== undefined) return known;
  const sum = set.bytes().reduce((before, byte) => before + (FREQUENCIES[byte] ?? RARE), 0);
  setFrequencies.set(set, sum);
  return sum;
}
