/**
 * `base64Encode`, `base64Decode`, `base64DecodeExt`: base64 of RFC 4648. One wrong character must never make the whole
 * value vanish: what was decoded before it is inspected.
 */

import { Buffer } from "node:buffer";
import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "./scratch.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Not in the alphabet: the strict decoder ends here. */
const STOP = -1;
/** Not in the alphabet: the decoder goes on with the next character. */
const SKIP = -2;

const STRICT = decodingTable(STOP, { "\r": SKIP, "\n": SKIP });
/** Everything else is skipped, padding in the middle as well; `-` and `_` are digits (RFC 4648 section 5). */
const FORGIVING = decodingTable(SKIP, { "-": 62, _: 63 });

/** Encoded in the standard alphabet, with padding. */
export function base64Encode(value: ByteString): ByteString {
  return Buffer.from(value, "latin1").toString("base64");
}

/** Decoded up to the first character that is neither a digit nor a line end. */
export function base64Decode(value: ByteString): ByteString {
  const out = openScratch(value.length);
  return readScratch(out, decodeBase64(value, out));
}

/** Decoded with all other characters passed over, as PHP and many others do; also the URL-safe alphabet. */
export function base64DecodeExt(value: ByteString): ByteString {
  const out = openScratch(value.length);
  return readScratch(out, decode(value, FORGIVING, out));
}

/** `base64Decode` into an array at least as long as the value; returns how many bytes it made. */
export function decodeBase64(value: ByteString, out: Uint8Array): number {
  return decode(value, STRICT, out);
}

/** A last digit that does not make a byte is dropped. */
function decode(value: ByteString, table: Int8Array, out: Uint8Array): number {
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  for (let index = 0; index < value.length; index += 1) {
    const digit = table[value.charCodeAt(index)] ?? STOP;
    if (digit === STOP) break;
    if (digit === SKIP) continue;
    bits = ((bits << 6) | digit) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    out[length++] = (bits >> bitCount) & 0xff;
  }
  return length;
}

function decodingTable(otherwise: number, extra: Readonly<Record<string, number>>): Int8Array {
  const table = new Int8Array(256).fill(otherwise);
  for (let digit = 0; digit < ALPHABET.length; digit += 1)
    table[ALPHABET.charCodeAt(digit)] = digit;
  for (const [character, digit] of Object.entries(extra)) table[character.charCodeAt(0)] = digit;
  return table;
}
