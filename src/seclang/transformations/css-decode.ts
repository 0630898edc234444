/** `cssDecode`: the backslash escapes of CSS 2. An escape becomes one byte, never several, as rules are written for that. */

import type { ByteString } from "../byte-string.ts";
import { narrowToByte } from "./full-width.ts";
import { hexDigitAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";
import { isAsciiSpace } from "./white-space.ts";

const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;

/** CSS 2 section 4.1.3: "at most six hexadecimal digits". */
const MOST_DIGITS = 6;

/**
 * `\` and 1 to 6 hexadecimal digits become the low byte of that code point (full-width ASCII its plain form), with
 * the one white space that may end the escape; `\` and a line feed vanish; any other `\c` becomes `c`; a `\` at the
 * end vanishes.
 */
export function cssDecode(value: ByteString): ByteString {
  if (!value.includes("\\")) return value;
  const out = openScratch(value.length);
  let length = 0;
  for (let index = 0; index < value.length;) {
    const code = value.charCodeAt(index);
    index += 1;
    if (code !== BACKSLASH) {
      out[length++] = code;
      continue;
    }
    if (index === value.length) break;
    const digits = countHexDigits(value, index);
    if (digits > 0) {
      out[length++] = narrowToByte(codePointAt(value, index, digits));
      index += digits;
      if (isAsciiSpace(value.charCodeAt(index))) index += 1;
    } else {
      const literal = value.charCodeAt(index);
      if (literal !== LINE_FEED) out[length++] = literal;
      index += 1;
    }
  }
  return readScratch(out, length);
}

function countHexDigits(text: ByteString, start: number): number {
  let count = 0;
  while (count < MOST_DIGITS && hexDigitAt(text, start + count) >= 0) count += 1;
  return count;
}

function codePointAt(text: ByteString, start: number, digits: number): number {
  let codePoint = 0;
  for (let offset = 0; offset < digits; offset += 1) {
    codePoint = codePoint * 16 + hexDigitAt(text, start + offset);
  }
  return codePoint;
}
