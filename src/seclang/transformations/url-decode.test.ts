import { expect, test } from "vitest";
import { urlDecode } from "./url-decode.ts";

test.each([
  ["escapes in both cases and plus", "%3c%3E+%00", "<> \0"],
  ["it decodes once", "%2541", "%41"],
  ["wrong digits stay", "%zz%4g%g4", "%zz%4g%g4"],
  ["a cut off escape stays", "a%4", "a%4"],
  ["a percent sign at the end stays", "%41%", "A%"],
  ["the sign before an escape stays", "%%41", "%A"],
  ["wide escapes stay", "%u0041", "%u0041"],
  ["a plain value stays", "abc", "abc"],
  ["high bytes", "%ff\xfe", "\xff\xfe"],
])("urlDecode: %s", (_sentence, value, expected) => {
  expect(urlDecode(value)).toBe(expected);
});
