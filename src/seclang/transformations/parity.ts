/** `parityEven7bit`, `parityOdd7bit`, `parityZero7bit`: the eighth bit as a parity bit. The other seven must never change. */

import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";

const EIGHTH_BIT = 0x80;
const SEVEN_BITS = 0x7f;
const NON_ASCII = /[\x80-\xff]/;

/** Bit n of this number is the parity of the four bits of n. */
const NIBBLE_PARITY = 0x6996;

/** The eighth bit is set where the byte has an odd number of ones. */
export function parityEven7bit(value: ByteString): ByteString {
  return mapBytes(value, (code) => (isOdd(code) ? code | EIGHTH_BIT : code & SEVEN_BITS));
}

/** The eighth bit is set where the byte has an even number of ones. */
export function parityOdd7bit(value: ByteString): ByteString {
  return mapBytes(value, (code) => (isOdd(code) ? code & SEVEN_BITS : code | EIGHTH_BIT));
}

/** The eighth bit is cleared. */
export function parityZero7bit(value: ByteString): ByteString {
  return NON_ASCII.test(value) ? mapBytes(value, (code) => code & SEVEN_BITS) : value;
}

function isOdd(code: number): boolean {
  return ((NIBBLE_PARITY >> ((code ^ (code >> 4)) & 0xf)) & 1) === 1;
}

function mapBytes(value: ByteString, map: (code: number) => number): ByteString {
  const out = openScratch(value.length);
  for (let index = 0; index < value.length; index += 1) out[index] = map(value.charCodeAt(index));
  return readScratch(out, value.length);
}
