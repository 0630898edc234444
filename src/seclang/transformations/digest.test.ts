import { expect, test } from "vitest";
import { md5, sha1 } from "./digest.ts";
import { hexEncode } from "./hex.ts";

test.each([
  ["RFC 1321, the empty value", "", "d41d8cd98f00b204e9800998ecf8427e"],
  ["RFC 1321, abc", "abc", "900150983cd24fb0d6963f7d28e17f72"],
])("md5: %s", (_sentence, value, expected) => {
  expect(hexEncode(md5(value))).toBe(expected);
});

test.each([
  ["RFC 3174, abc", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["the empty value", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["bytes, not UTF-8", "\xff", "85e53271e14006f0265921d02d4d736cdc580b0b"],
])("sha1: %s", (_sentence, value, expected) => {
  expect(hexEncode(sha1(value))).toBe(expected);
});
