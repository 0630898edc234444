/**
 * `cmdLine`: undoes the tricks by which a shell command is spelled differently and still runs (`c^at`, `ca"t"`,
 * `cat  ,/etc`). It must never look at quoting: a quote is removed wherever it stands.
 */

import type { ByteString } from "../byte-string.ts";
import { lowercase } from "./letter-case.ts";
import { openScratch, readScratch } from "./scratch.ts";

/** A space matters only before another separator, `/` or `(`; a single one between words stays as it is. */
const MAY_CHANGE = /["'\\^,;\t\r\n]| [ /(]/;

const COPY = 0;
const REMOVE = 1;
const SEPARATE = 2;
const ATTACH = 3;

const SPACE = 0x20;

const KINDS = new Uint8Array(256).fill(COPY);
for (const removed of "\"'\\^") KINDS[removed.charCodeAt(0)] = REMOVE;
for (const separator of " ,;\t\r\n") KINDS[separator.charCodeAt(0)] = SEPARATE;
for (const attached of "/(") KINDS[attached.charCodeAt(0)] = ATTACH;

/** Without `" ' \ ^`, separators as one space, none before `/` or `(`, ASCII letters in lower case. */
export function cmdLine(value: ByteString): ByteString {
  if (!MAY_CHANGE.test(value)) return lowercase(value);
  const out = openScratch(value.length);
  let length = 0;
  let isAfterSpace = false;
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    const kind = KINDS[code];
    if (kind === REMOVE) continue;
    if (kind === SEPARATE) {
      if (!isAfterSpace) out[length++] = SPACE;
      isAfterSpace = true;
      continue;
    }
    if (kind === ATTACH && isAfterSpace) length -= 1;
    isAfterSpace = false;
    out[length++] = toLower(code);
  }
  return readScratch(out, length);
}

function toLower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
