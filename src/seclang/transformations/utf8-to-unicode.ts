/**
 * `utf8toUnicode`: UTF-8 sequences as `%uHHHH`, which `urlDecodeUni` then maps to ASCII. Bytes that are no UTF-8 stay;
 * an overlong form must be shown as what it stands for, because it is used to hide exactly that.
 */

import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";

const NON_ASCII = /[\x80-\xff]/;

/** Two bytes become six characters (`%u00e9`): three for one. */
const GROWTH = 3;

const LAST_CODE_POINT = 0x10ffff;
const HEX = "0123456789abcdef";

/** Each sequence of 2 to 4 bytes as `%u` and 4 to 6 lower-case hexadecimal digits; surrogates and overlong forms, too. */
export function utf8ToUnicode(value: ByteString): ByteString {
  if (!NON_ASCII.test(value)) return value;
  const out = openScratch(value.length * GROWTH);
  let length = 0;
  for (let index = 0; index < value.length;) {
    const sequenceLength = sequenceLengthOf(value.charCodeAt(index));
    const codePoint = sequenceLength > 1 ? decodeAt(value, index, sequenceLength) : -1;
    if (codePoint < 0) {
      out[length++] = value.charCodeAt(index);
      index += 1;
    } else {
      length = writeEscape(out, length, codePoint);
      index += sequenceLength;
    }
  }
  return readScratch(out, length);
}

/** RFC 3629 section 3: what the leading byte announces; 1 for ASCII and for a byte that leads nothing. */
function sequenceLengthOf(lead: number): number {
  if ((lead & 0xe0) === 0xc0) return 2;
  if ((lead & 0xf0) === 0xe0) return 3;
  return (lead & 0xf8) === 0xf0 ? 4 : 1;
}

/** The code point of the sequence, or -1 when it is cut off, has a wrong byte or is above U+10FFFF. */
function decodeAt(text: ByteString, start: number, sequenceLength: number): number {
  let codePoint = text.charCodeAt(start) & (0x7f >> sequenceLength);
  for (let offset = 1; offset < sequenceLength; offset += 1) {
    const code = text.charCodeAt(start + offset);
    if ((code & 0xc0) !== 0x80) return -1;
    codePoint = (codePoint << 6) | (code & 0x3f);
  }
  return codePoint <= LAST_CODE_POINT ? codePoint : -1;
}

function writeEscape(out: Uint8Array, start: number, codePoint: number): number {
  let length = start;
  out[length++] = 0x25;
  out[length++] = 0x75;
  let shift = 12;
  while (codePoint >> (shift + 4) > 0) shift += 4;
  for (; shift >= 0; shift -= 4) {
    out[length++] = HEX.charCodeAt((codePoint >> shift) & 0xf);
  }
  return length;
}
