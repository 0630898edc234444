/** `sqlHexDecode`: the hexadecimal literals of SQL (`0x414243`). A `0x` without a full byte behind it is text and must stay. */

import type { ByteString } from "../byte-string.ts";
import { hexByteAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

const LITERAL = /0[xX][0-9a-fA-F]{2}/;
const ZERO = 0x30;
const LOWER_X = 0x78;
const LETTER_CASE_BIT = 0x20;

/** Each literal as its bytes; an odd last digit is left over as text. */
export function sqlHexDecode(value: ByteString): ByteString {
  if (!LITERAL.test(value)) return value;
  const out = openScratch(value.length);
  let length = 0;
  for (let index = 0; index < value.length;) {
    const digits = isPrefixAt(value, index) ? index + 2 : -1;
    if (digits < 0 || hexByteAt(value, digits) < 0) {
      out[length++] = value.charCodeAt(index);
      index += 1;
      continue;
    }
    index = digits;
    for (let byte = hexByteAt(value, index); byte >= 0; byte = hexByteAt(value, index)) {
      out[length++] = byte;
      index += 2;
    }
  }
  return readScratch(out, length);
}

function isPrefixAt(text: ByteString, index: number): boolean {
  return (
    text.charCodeAt(index) === ZERO && (text.charCodeAt(index + 1) | LETTER_CASE_BIT) === LOWER_X
  );
}
