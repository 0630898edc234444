/** `urlDecode`: percent escapes and `+`. A percent sign without two hexadecimal digits is text and must stay. */

import type { ByteString } from "../byte-string.ts";
import { hexByteAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

/** `%HH` becomes its byte, `+` a space; once only, so `%2541` becomes `%41`. */
export function urlDecode(value: ByteString): ByteString {
  if (!value.includes("%") && !value.includes("+")) return value;
  const out = openScratch(value.length);
  let length = 0;
  for (let index = 0; index < value.length;) {
    const code = value.charCodeAt(index);
    const byte = code === PERCENT ? hexByteAt(value, index + 1) : -1;
    if (byte >= 0) {
      out[length++] = byte;
      index += 3;
    } else {
      out[length++] = code === PLUS ? SPACE : code;
      index += 1;
    }
  }
  return readScratch(out, length);
}
