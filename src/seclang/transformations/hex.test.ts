import { expect, test } from "vitest";
import { hexDecode, hexEncode } from "./hex.ts";

test.each([
  ["two lower-case digits a byte", "\0AJ\xff", "00414aff"],
  ["nothing of nothing", "", ""],
])("hexEncode: %s", (_sentence, value, expected) => {
  expect(hexEncode(value)).toBe(expected);
});

test.each([
  ["digits in both cases", "4a4A00ff", "JJ\0\xff"],
  ["an odd digit at the end stays", "414", "A4"],
  ["it stops at the first pair that is none", "41zz42", "Azz42"],
  ["text stays", "zebra", "zebra"],
  ["one digit stays", "4", "4"],
  ["nothing of nothing", "", ""],
])("hexDecode: %s", (_sentence, value, expected) => {
  expect(hexDecode(value)).toBe(expected);
});
