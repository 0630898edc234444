/**
 * `lowercase` and `uppercase`, for ASCII letters only: with the whole of latin1 the bytes of UTF-8 characters would
 * change, and the upper case of some is not even a byte.
 */

import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";

const UPPER_CASE = /[A-Z]/;
const LOWER_CASE = /[a-z]/;
const NON_ASCII = /[\x80-\xff]/;
const CASE_BIT = 0x20;

/** A to Z as a to z. */
export function lowercase(value: ByteString): ByteString {
  if (!UPPER_CASE.test(value)) return value;
  return NON_ASCII.test(value) ? flipCase(value, 0x41, 0x5a) : value.toLowerCase();
}

/** a to z as A to Z. */
export function uppercase(value: ByteString): ByteString {
  if (!LOWER_CASE.test(value)) return value;
  return NON_ASCII.test(value) ? flipCase(value, 0x61, 0x7a) : value.toUpperCase();
}

function flipCase(value: ByteString, firstCode: number, lastCode: number): ByteString {
  const out = openScratch(value.length);
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    out[index] = code >= firstCode && code <= lastCode ? code ^ CASE_BIT : code;
  }
  return readScratch(out, value.length);
}
