/**
 * The byte string, the one kind of text inside the engine: raw bytes as a JavaScript string. It must never hold a
 * code unit above 255, because patterns, transformations and lengths all count one unit as one byte.
 */

import { Buffer } from "node:buffer";

/** A string whose every code unit is 0 to 255, one for each byte (latin1 of the raw bytes, whatever their charset). */
export type ByteString = string;

/** The same bytes as a byte string; nothing is decoded, so UTF-8 stays two to four units a character. */
export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The bytes that a byte string stands for, in memory of their own. */
export function toBytes(text: ByteString): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
