/** `hexEncode` and `hexDecode`: two digits for each byte. What is not hexadecimal must never be made into bytes. */

import { Buffer } from "node:buffer";
import type { ByteString } from "../byte-string.ts";
import { hexByteAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

/** Each byte as two lower-case digits. */
export function hexEncode(value: ByteString): ByteString {
  return Buffer.from(value, "latin1").toString("hex");
}

/** Pairs of digits as bytes, up to the first pair that is none; from there on the value stays as it is. */
export function hexDecode(value: ByteString): ByteString {
  const out = openScratch(value.length >> 1);
  let length = 0;
  let index = 0;
  for (let byte = hexByteAt(value, 0); byte >= 0; byte = hexByteAt(value, index)) {
    out[length++] = byte;
    index += 2;
  }
  return index === 0 ? value : readScratch(out, length) + value.slice(index);
}
