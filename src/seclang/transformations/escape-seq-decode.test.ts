import { expect, test } from "vitest";
import { escapeSeqDecode } from "./escape-seq-decode.ts";

test.each([
  ["control letters", "\\a\\b\\f\\n\\r\\t\\v", "\x07\b\f\n\r\t\v"],
  ["quotes, question marks and backslashes", "\\?\\'\\\"\\\\", "?'\"\\"],
  ["hexadecimal bytes with x and X", "\\x41\\X4a", "AJ"],
  ["octal keeps eight bits", "\\101\\666\\400\\0123", "A\xb6\0\n3"],
  ["8 and 9 are no octal digits", "\\8\\9\\18", "89\x018"],
  ["unknown escapes lose the backslash", "\\c\\m\\d", "cmd"],
  ["an incomplete number loses the backslash only", "\\xag\\xga\\x4", "xagxgax4"],
  ["a backslash at the end stays", "a\\", "a\\"],
  ["it decodes once", "\\\\n", "\\n"],
  ["a wide escape is not known", "\\u0041", "u0041"],
])("escapeSeqDecode: %s", (_sentence, value, expected) => {
  expect(escapeSeqDecode(value)).toBe(expected);
});
