/** UTF-8 inside byte strings: checks sequences and writes code points. It must never accept an overlong form. */
import type { ByteString } from "../byte-string.ts";

const isWithin = (code: number, low: number, high: number): boolean => code >= low && code <= high;

const isContinuation = (text: ByteString, at: number): boolean =>
  isWithin(text.charCodeAt(at), 0x80, 0xbf);

/**
 * Length in bytes (2 to 4) of the well-formed sequence that begins with the non-ASCII byte at `at`, or 0
 * (RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
export function lengthOfUtf8(text: ByteString, at: number): number {
  const lead = text.charCodeAt(at);
  const second = text.charCodeAt(at + 1);
  if (isWithin(lead, 0xc2, 0xdf)) return isWithin(second, 0x80, 0xbf) ? 2 : 0;
  if (isWithin(lead, 0xe0, 0xef)) {
    const isSecond = isWithin(second, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf);
    return isSecond && isContinuation(text, at + 2) ? 3 : 0;
  }
  if (isWithin(lead, 0xf0, 0xf4)) {
    const isSecond = isWithin(second, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf);
    return isSecond && isContinuation(text, at + 2) && isContinuation(text, at + 3) ? 4 : 0;
  }
  return 0;
}

/** Offset of the first byte that is not part of well-formed UTF-8, or -1. */
export function firstInvalidUtf8(text: ByteString): number {
  for (let at = 0; at < text.length;) {
    if (text.charCodeAt(at) < 0x80) at += 1;
    else {
      const length = lengthOfUtf8(text, at);
      if (length === 0) return at;
      at += length;
    }
  }
  return -1;
}

/**
 * The bytes of one code point, 0 to 0x10FFFF. A surrogate gets its three-byte form, which is not UTF-8: the value stays
 * visible to byte rules, and validateUtf8Encoding can refuse it.
 */
export function toUtf8(codePoint: number): ByteString {
  const tail = (shift: number) => 0x80 | ((codePoint >> shift) & 0x3f);
  if (codePoint < 0x80) return String.fromCharCode(codePoint);
  if (codePoint < 0x800) return String.fromCharCode(0xc0 | (codePoint >> 6), tail(0));
  if (codePoint < 0x10000) {
    return String.fromCharCode(0xe0 | (codePoint >> 12), tail(6), tail(0));
  }
  return String.fromCharCode(0xf0 | (codePoint >> 18), tail(12), tail(6), tail(0));
}
