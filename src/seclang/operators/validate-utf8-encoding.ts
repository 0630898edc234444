/**
 * `@validateUtf8Encoding`: matches when the value is not well-formed UTF-8 (RFC 3629); it must never accept overlong forms,
 * surrogates, code points above U+10FFFF or a cut-off character, since decoders disagree about them.
 */
import type { ByteString } from "../byte-string.ts";
import type { OperatorCompiler } from "./operator.ts";

const BEYOND_ASCII = /[\x80-\xff]/;

/** The range that RFC 3629 section 4 leaves for the second byte behind this first one: [low, high]. */
function secondByteRange(first: number): readonly [number, number] {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xed) return [0x80, 0x9f];
  if (first === 0xf0) return [0x90, 0xbf];
  if (first === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}

/** Bytes of the character that starts with this one; 0 when none does. C0, C1 and F5 to FF are never used. */
function lengthFrom(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

function isWellFormed(value: ByteString): boolean {
  let at = value.search(BEYOND_ASCII);
  if (at === -1) return true;
  while (at < value.length) {
    const first = value.charCodeAt(at);
    const length = lengthFrom(first);
    if (length === 0 || at + length > value.length) return false;
    if (length > 1) {
      const [low, high] = secondByteRange(first);
      const second = value.charCodeAt(at + 1);
      if (second < low || second > high) return false;
    }
    for (let offset = 2; offset < length; offset += 1) {
      if ((value.charCodeAt(at + offset) & 0xc0) !== 0x80) return false;
    }
    at += length;
  }
  return true;
}

/** Takes no argument. */
export const validateUtf8Encoding: OperatorCompiler = () => ({
  test: (value) => !isWellFormed(value),
});
