/** `urlEncode`: percent escapes as form data has them. No byte but ASCII letters, digits and `*` may stay bare. */

import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";

const NEEDS_ENCODING = /[^*0-9A-Za-z]/;

/** A byte becomes at most `%` and two digits. */
const GROWTH = 3;

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const HEX = "0123456789abcdef";

/** A space as `+`, all but `*`, digits and ASCII letters as `%` and two lower-case hexadecimal digits. */
export function urlEncode(value: ByteString): ByteString {
  if (!NEEDS_ENCODING.test(value)) return value;
  const out = openScratch(value.length * GROWTH);
  let length = 0;
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (isBare(code)) {
      out[length++] = code;
    } else if (code === SPACE) {
      out[length++] = PLUS;
    } else {
      out[length++] = PERCENT;
      out[length++] = HEX.charCodeAt((code >> 4) & 0xf);
      out[length++] = HEX.charCodeAt(code & 0xf);
    }
  }
  return readScratch(out, length);
}

function isBare(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2a
  );
}
