/** `removeWhitespace`: no white space at all. It must never take a byte out of a character that merely contains A0. */

import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";
import { spaceLengthAt } from "./white-space.ts";

const MAY_CHANGE = /[\t-\r \xa0]/;

/** The value without white space, no-break spaces included. */
export function removeWhitespace(value: ByteString): ByteString {
  if (!MAY_CHANGE.test(value)) return value;
  const out = openScratch(value.length);
  let length = 0;
  let isAfterSpace = false;
  for (let index = 0; index < value.length;) {
    const spaceLength = spaceLengthAt(value, index, isAfterSpace);
    if (spaceLength === 0) out[length++] = value.charCodeAt(index);
    isAfterSpace = spaceLength > 0;
    index += spaceLength || 1;
  }
  return length === value.length ? value : readScratch(out, length);
}
