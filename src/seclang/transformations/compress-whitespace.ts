/** `compressWhitespace`: each run of white space becomes one space. It must never join two words. */

import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";
import { spaceLengthAt } from "./white-space.ts";

/** Anything but single spaces between words; `\xa0` may still turn out to be part of a character. */
const MAY_CHANGE = /[\t-\r\xa0]| {2}/;
const SPACE = 0x20;

/** Every run of white space (no-break spaces included) as a single space, also at the ends. */
export function compressWhitespace(value: ByteString): ByteString {
  if (!MAY_CHANGE.test(value)) return value;
  const out = openScratch(value.length);
  let length = 0;
  let isAfterSpace = false;
  for (let index = 0; index < value.length;) {
    const spaceLength = spaceLengthAt(value, index, isAfterSpace);
    if (spaceLength === 0) out[length++] = value.charCodeAt(index);
    else if (!isAfterSpace) out[length++] = SPACE;
    isAfterSpace = spaceLength > 0;
    index += spaceLength || 1;
  }
  return readScratch(out, length);
}
