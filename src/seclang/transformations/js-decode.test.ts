import { expect, test } from "vitest";
import { jsDecode } from "./js-decode.ts";

test.each([
  ["control letters", "\\a\\b\\f\\n\\r\\t\\v", "\x07\b\f\n\r\t\v"],
  ["other escaped characters lose the backslash", "\\?\\'\\\"\\\\\\z\\8", "?'\"\\z8"],
  ["hexadecimal bytes in both cases", "\\x4a\\x4A", "JJ"],
  ["an upper-case X is no number", "\\X41", "X41"],
  ["wide escapes keep the low byte", "\\u0041\\u1241", "AA"],
  ["full-width ASCII becomes plain", "\\uff1c\\uFF1E", "<>"],
  ["octal up to 377", "\\0\\12\\101\\377", "\0\nA\xff"],
  ["octal above 377 is two digits and text", "\\400\\777", " 0?7"],
  ["octal ends at another character", "\\18", "\x018"],
  ["incomplete numbers lose the backslash only", "\\u004\\xg1\\x4", "u004xg1x4"],
  ["a backslash at the end stays", "a\\", "a\\"],
  ["octal may be cut off at the end", "\\1", "\x01"],
  ["it decodes once", "\\\\x41", "\\x41"],
  ["an upper-case U is no number", "\\U0041", "U0041"],
])("jsDecode: %s", (_sentence, value, expected) => {
  expect(jsDecode(value)).toBe(expected);
});
