/** The escapes that C and JavaScript share: `\n` and its kin, and octal numbers; reading past the end is never an error. */

import type { ByteString } from "../byte-string.ts";

const NO_ESCAPE = -1;

const CONTROLS = new Int8Array(256).fill(NO_ESCAPE);
for (const [letter, byte] of Object.entries({ a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 })) {
  CONTROLS[letter.charCodeAt(0)] = byte;
}

/** The control byte for the letter after the backslash, or -1 when that letter has none. */
export function controlEscape(letterCode: number): number {
  return CONTROLS[letterCode] ?? NO_ESCAPE;
}

/** How many octal digits (0 to 3) stand at `index`. */
export function countOctalDigits(text: ByteString, index: number): number {
  let count = 0;
  while (count < 3 && isOctalDigit(text.charCodeAt(index + count))) count += 1;
  return count;
}

/** The number that `count` octal digits at `index` make: up to 0o777, so it may need more than a byte. */
export function octalAt(text: ByteString, index: number, count: number): number {
  let value = 0;
  for (let offset = 0; offset < count; offset += 1) {
    value = value * 8 + (text.charCodeAt(index + offset) - 0x30);
  }
  return value;
}

function isOctalDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x37;
}
