/** Hexadecimal digits inside a byte string; reading past the end is not an error but "no digit". */

import type { ByteString } from "../byte-string.ts";

const NOT_A_DIGIT = -1;

const DIGITS = "0123456789abcdef";

const VALUES = new Int8Array(256).fill(NOT_A_DIGIT);
for (let value = 0; value < DIGITS.length; value += 1) {
  VALUES[DIGITS.charCodeAt(value)] = value;
  VALUES[DIGITS.toUpperCase().charCodeAt(value)] = value;
}

/**
 * 0 to 15, or -1 when there is no hexadecimal digit at `index`. The end is checked although the table would answer
 * for NaN as well: one look-up with NaN, and V8 makes all look-ups slow.
 */
export function hexDigitAt(text: ByteString, index: number): number {
  if (index >= text.length) return NOT_A_DIGIT;
  return VALUES[text.charCodeAt(index)] ?? NOT_A_DIGIT;
}

/** 0 to 255 from the two digits at `index`, or -1 when these are not two hexadecimal digits. */
export function hexByteAt(text: ByteString, index: number): number {
  const high = hexDigitAt(text, index);
  const low = hexDigitAt(text, index + 1);
  return high < 0 || low < 0 ? NOT_A_DIGIT : high * 16 + low;
}

/** 0 to 65535 from the four digits at `index`, or -1 when these are not four hexadecimal digits. */
export function hexWordAt(text: ByteString, index: number): number {
  const high = hexByteAt(text, index);
  const low = hexByteAt(text, index + 2);
  return high < 0 || low < 0 ? NOT_A_DIGIT : high * 256 + low;
}
