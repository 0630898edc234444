/**
 * Which kinds of bytes a value holds, as two words of bits: each ASCII punctuation mark has its own. A condition on
 * classes must never be narrower than the bytes it stands for, since rules are skipped on its word.
 */
import type { ByteString } from "../byte-string.ts";
import { ByteSet, type ByteRange } from "../regex/byte-set.ts";

/** Classes in the first word: one for each of the 32 ASCII punctuation marks. */
const MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/** Classes in the second word, one bit each. */
const KINDS: readonly (readonly ByteRange[])[] = [
  [[0x30, 0x39]],
  [[0x61, 0x7a]],
  [[0x41, 0x5a]],
  [[0x20, 0x20]],
  [[0x09, 0x09]],
  [[0x0a, 0x0a]],
  [[0x0d, 0x0d]],
  [[0x0b, 0x0c]],
  [[0x00, 0x00]],
  [
    [0x01, 0x08],
    [0x0e, 0x1f],
  ],
  [[0x7f, 0x7f]],
  [[0xa0, 0xa0]],
  [
    [0x80, 0x9f],
    [0xa1, 0xbf],
  ],
  [[0xc2, 0xc2]],
  [
    [0xc0, 0xc1],
    [0xc3, 0xff],
  ],
];

/** A set of classes. */
export interface ByteMask {
  readonly marks: number;
  readonly kinds: number;
}

/** By byte: its bit in the first word, or 0. */
export const MARK_OF: Int32Array = new Int32Array(256);
/** By byte: its bit in the second word, or 0. */
export const KIND_OF: Int32Array = new Int32Array(256);
for (let at = 0; at < MARKS.length; at += 1) MARK_OF[MARKS.charCodeAt(at)] = 1 << at;
for (const [at, ranges] of KINDS.entries()) {
  for (const byte of ByteSet.of(...ranges).bytes()) KIND_OF[byte] = 1 << at;
}

export const NO_BYTES: ByteMask = { marks: 0, kinds: 0 };
export const ANY_BYTES: ByteMask = { marks: -1, kinds: (1 << KINDS.length) - 1 };

/** The classes of the bytes of a text. */
export function maskOf(text: ByteString): ByteMask {
  let marks = 0;
  let kinds = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text.charCodeAt(at);
    marks |= MARK_OF[byte] ?? 0;
    kinds |= KIND_OF[byte] ?? 0;
  }
  return { marks, kinds };
}

/** The classes that hold at least one byte of the set. */
export function maskOfSet(set: ByteSet): ByteMask {
  return maskOf(String.fromCharCode(...set.bytes()));
}

/** Whether the class of the byte holds no other byte. */
export function isAlone(byte: number): boolean {
  for (let other = 0; other < 256; other += 1) {
    if (other === byte) continue;
    if (MARK_OF[other] === MARK_OF[byte] && KIND_OF[other] === KIND_OF[byte]) return false;
  }
  return true;
}

export function union(one: ByteMask, other: ByteMask): ByteMask {
  return { marks: one.marks | other.marks, kinds: one.kinds | other.kinds };
}

export function without(one: ByteMask, other: ByteMask): ByteMask {
  return { marks: one.marks & ~other.marks, kinds: one.kinds & ~other.kinds };
}

/** Whether the two have a class in common. */
export function overlaps(one: ByteMask, other: ByteMask): boolean {
  return ((one.marks & other.marks) | (one.kinds & other.kinds)) !== 0;
}

/** Whether all classes of the first are among those of the second. */
export function isWithin(one: ByteMask, other: ByteMask): boolean {
  return ((one.marks & ~other.marks) | (one.kinds & ~other.kinds)) === 0;
}
