/** `escapeSeqDecode`: the escape sequences of ANSI C. An unknown one loses its backslash, so that `\c\m\d` reads `cmd`. */

import type { ByteString } from "../byte-string.ts";
import { controlEscape, countOctalDigits, octalAt } from "./c-escapes.ts";
import { hexByteAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

const BACKSLASH = 0x5c;
const UPPER_X = 0x58;
const LOWER_X = 0x78;

/**
 * `\a \b \f \n \r \t \v`, `\xHH` (also `\XHH`) and one to three octal digits become their byte (octal above `\377`
 * its low eight bits); any other `\c` becomes `c`. A `\` at the end stays.
 */
export function escapeSeqDecode(value: ByteString): ByteString {
  if (!value.includes("\\")) return value;
  const out = openScratch(value.length);
  const last = value.length - 1;
  let length = 0;
  for (let index = 0; index < value.length;) {
    const code = value.charCodeAt(index);
    index += 1;
    if (code !== BACKSLASH || index > last) {
      out[length++] = code;
      continue;
    }
    const letter = value.charCodeAt(index);
    const hex = letter === LOWER_X || letter === UPPER_X ? hexByteAt(value, index + 1) : -1;
    const octalDigits = countOctalDigits(value, index);
    if (hex >= 0) {
      out[length++] = hex;
      index += 3;
    } else if (octalDigits > 0) {
      out[length++] = octalAt(value, index, octalDigits) & 0xff;
      index += octalDigits;
    } else {
      const control = controlEscape(letter);
      out[length++] = control < 0 ? letter : control;
      index += 1;
    }
  }
  return length === value.length ? value : readScratch(out, length);
}
