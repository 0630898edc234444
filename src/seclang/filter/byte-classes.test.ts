/** Classes: every byte has one, punctuation marks have their own, and a condition is never narrower than its bytes. */
import { expect, test } from "vitest";
import { ALL_BYTES, ByteSet } from "../regex/byte-set.ts";
import {
  ANY_BYTES,
  isAlone,
  isWithin,
  KIND_OF,
  MARK_OF,
  maskOf,
  maskOfSet,
  overlaps,
  union,
  without,
} from "./byte-classes.ts";

test("each byte is of exactly one class", () => {
  const counts = ALL_BYTES.bytes().map(
    (byte) => (MARK_OF[byte] === 0 ? 0 : 1) + (KIND_OF[byte] === 0 ? 0 : 1),
  );
  expect(new Set(counts)).toEqual(new Set([1]));
  expect(maskOfSet(ALL_BYTES)).toEqual(ANY_BYTES);
});

test("punctuation, space, tab, line ends and NUL are alone in their classes, letters and digits are not", () => {
  for (const mark of "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\r\0") {
    expect([mark, isAlone(mark.charCodeAt(0))]).toEqual([mark, true]);
  }
  for (const other of "aZ5\x01\x90\xff") expect(isAlone(other.charCodeAt(0))).toBe(false);
});

test("a set overlaps whatever holds one of its bytes", () => {
  const digits = maskOfSet(ByteSet.of([0x30, 0x31]));
  expect(overlaps(digits, maskOf("a7"))).toBe(true);
  expect(overlaps(digits, maskOf("a-"))).toBe(false);
  expect(isWithin(maskOf("a-"), maskOf("z-+"))).toBe(true);
  expect(isWithin(maskOf("a~"), maskOf("z-+"))).toBe(false);
  expect(without(union(maskOf("a"), maskOf("<")), maskOf("<"))).toEqual(maskOf("b"));
});
