/** `urlDecodeUni`: `urlDecode` with the `%uHHHH` escapes of IIS. An incomplete `%u` is text and must stay. */

import type { ByteString } from "../byte-string.ts";
import { bestFitAscii } from "./best-fit-ascii.ts";
import { narrowToByte } from "./full-width.ts";
import { hexByteAt, hexWordAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const UPPER_U = 0x55;
const LOWER_U = 0x75;

/**
 * `%uHHHH` becomes the ASCII character that Windows code page 20127 maps that code point to, else its low byte;
 * `%HH` becomes its byte, `+` a space.
 */
export function urlDecodeUni(value: ByteString): ByteString {
  if (!value.includes("%") && !value.includes("+")) return value;
  const out = openScratch(value.length);
  let length = 0;
  for (let index = 0; index < value.length;) {
    const code = value.charCodeAt(index);
    if (code !== PERCENT) {
      out[length++] = code === PLUS ? SPACE : code;
      index += 1;
      continue;
    }
    const mark = value.charCodeAt(index + 1);
    const isWide = mark === LOWER_U || mark === UPPER_U;
    const number = isWide ? hexWordAt(value, index + 2) : hexByteAt(value, index + 1);
    if (number < 0) {
      out[length++] = PERCENT;
      index += 1;
    } else {
      out[length++] = isWide ? toAscii(number) : number;
      index += isWide ? 6 : 3;
    }
  }
  return readScratch(out, length);
}

function toAscii(codePoint: number): number {
  return bestFitAscii(codePoint) ?? narrowToByte(codePoint);
}
