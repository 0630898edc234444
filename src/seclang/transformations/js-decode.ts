/** `jsDecode`: the backslash escapes of JavaScript strings. An incomplete number is no number: only its backslash goes. */

import type { ByteString } from "../byte-string.ts";
import { controlEscape, countOctalDigits, octalAt } from "./c-escapes.ts";
import { narrowToByte } from "./full-width.ts";
import { hexByteAt, hexWordAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
const LOWER_X = 0x78;

/**
 * `\uHHHH` becomes its low byte (full-width ASCII its plain form), `\xHH` and octal up to `\377` their byte, `\n` and
 * the other control letters their byte, any other `\c` the `c`. A `\` at the end stays.
 */
export function jsDecode(value: ByteString): ByteString {
  if (!value.includes("\\")) return value;
  const out = openScratch(value.length);
  const last = value.length - 1;
  let length = 0;
  for (let index = 0; index < value.length;) {
    const code = value.charCodeAt(index);
    if (code !== BACKSLASH || index === last) {
      out[length++] = code;
      index += 1;
    } else {
      const escape = readEscape(value, index + 1);
      out[length++] = escape & 0xff;
      index += 1 + (escape >> 8);
    }
  }
  return length === value.length ? value : readScratch(out, length);
}

/** The escape whose text begins at `start`, after the backslash: its length in the high bits, its byte in the low eight. */
function readEscape(text: ByteString, start: number): number {
  const letter = text.charCodeAt(start);
  if (letter === LOWER_U) {
    const word = hexWordAt(text, start + 1);
    if (word >= 0) return pack(5, narrowToByte(word));
  } else if (letter === LOWER_X) {
    const byte = hexByteAt(text, start + 1);
    if (byte >= 0) return pack(3, byte);
  } else {
    const octalDigits = countOctalByteDigits(text, start);
    if (octalDigits > 0) return pack(octalDigits, octalAt(text, start, octalDigits));
  }
  const control = controlEscape(letter);
  return pack(1, control < 0 ? letter : control);
}

/** One byte at most: three digits only up to `\377`, else two, and the third is text again. */
function countOctalByteDigits(text: ByteString, start: number): number {
  const count = countOctalDigits(text, start);
  return count === 3 && octalAt(text, start, 3) > 0xff ? 2 : count;
}

/** A packed number instead of an object, because this runs once for each backslash of a hostile value. */
function pack(lengthBytes: number, byte: number): number {
  return (lengthBytes << 8) | byte;
}
