import { expect, test } from "vitest";
import { urlDecodeUni } from "./url-decode-uni.ts";

test.each([
  ["wide escapes in both cases", "%u0041%U0042", "AB"],
  ["narrow escapes and plus", "%3C+%3e", "< >"],
  ["full-width ASCII becomes plain", "%uff1c%uFF1E%uff1f%uff5e", "<>?~"],
  ["best fit: quotes and angle quotes", "%u2018%u201c%u2039%u203a%u02b9", "'\"<>'"],
  ["best fit: accents", "%u0101%u00e9%u0160", "aeS"],
  ["best fit wins over the low byte", "%u2032%u0300", "'`"],
  ["without a best fit the low byte counts", "%u1227%u2215%u4e3c", "'\x15<"],
  ["a cut off wide escape stays", "%u004", "%u004"],
  ["wrong digits stay", "%u00g1%uzzzz", "%u00g1%uzzzz"],
  ["an escape after a broken one is decoded", "%u%41", "%uA"],
  ["it decodes once", "%25u0041", "%u0041"],
  ["a percent sign at the end stays", "a%", "a%"],
  ["NUL is data", "%u0000%00", "\0\0"],
  ["surrogates keep the low byte", "%ud83c%udf00", "<\0"],
])("urlDecodeUni: %s", (_sentence, value, expected) => {
  expect(urlDecodeUni(value)).toBe(expected);
});
