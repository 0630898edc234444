import { expect, test } from "vitest";
import { base64Decode, base64DecodeExt, base64Encode } from "./base64.ts";

test.each([
  ["with padding", "a", "YQ=="],
  ["high bytes", "\xff\xfe\0", "//4A"],
  ["nothing of nothing", "", ""],
])("base64Encode: %s", (_sentence, value, expected) => {
  expect(base64Encode(value)).toBe(expected);
});

test.each([
  ["with and without padding", "YWI=", "ab"],
  ["without padding", "YWI", "ab"],
  ["padding ends it", "YQ==YQ==", "a"],
  ["line ends are passed over", "YW\r\nJj", "abc"],
  ["a space ends it", "YWJj YWJj", "abc"],
  ["another character ends it", "YWJj!YWJj", "abc"],
  ["a single last digit is dropped", "YWJjY", "abc"],
  ["the URL-safe alphabet ends it", "YWJj-", "abc"],
  ["all byte values", "//4A", "\xff\xfe\0"],
  ["no digit, no byte", "!!", ""],
])("base64Decode: %s", (_sentence, value, expected) => {
  expect(base64Decode(value)).toBe(expected);
});

test.each([
  ["other characters are passed over", "Y.W J!j\t", "abc"],
  ["padding in the middle is passed over", "YQ=Jj", "a\x02c"],
  ["the URL-safe alphabet is known", "__4A", "\xff\xfe\0"],
  ["dashes are digits", "-_-_", "\xfb\xff\xbf"],
  ["high bytes and NUL are passed over", "YW\xffJ\0j", "abc"],
])("base64DecodeExt: %s", (_sentence, value, expected) => {
  expect(base64DecodeExt(value)).toBe(expected);
});
