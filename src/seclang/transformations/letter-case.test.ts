import { expect, test } from "vitest";
import { lowercase, uppercase } from "./letter-case.ts";

test.each([
  ["ASCII letters", "AbZ@[`{", "abz@[`{"],
  ["the bytes of other characters stay", "A\xc3\x89\xc0\xdf", "a\xc3\x89\xc0\xdf"],
  ["NUL is data", "A\0B", "a\0b"],
])("lowercase: %s", (_sentence, value, expected) => {
  expect(lowercase(value)).toBe(expected);
});

test.each([
  ["ASCII letters", "aBz@[`{", "ABZ@[`{"],
  ["bytes whose upper case is no byte stay", "a\xb5\xdf\xff", "A\xb5\xdf\xff"],
])("uppercase: %s", (_sentence, value, expected) => {
  expect(uppercase(value)).toBe(expected);
});
