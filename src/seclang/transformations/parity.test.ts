import { expect, test } from "vitest";
import { parityEven7bit, parityOdd7bit, parityZero7bit } from "./parity.ts";

test.each([
  ["a bit is added to an odd number", "a\0c\x7f", "\xe1\0c\xff"],
  ["an even number stays", "cef05", "cef05"],
  ["an empty value stays", "", ""],
])("parityEven7bit: %s", (_sentence, value, expected) => {
  expect(parityEven7bit(value)).toBe(expected);
});

test.each([["a bit is added to an even number", "a\0c\x7f", "a\x80\xe3\x7f"]])(
  "parityOdd7bit: %s",
  (_sentence, value, expected) => {
    expect(parityOdd7bit(value)).toBe(expected);
  },
);

test.each([
  ["the eighth bit goes", "\xe1\xffa", "a\x7fa"],
  ["seven bits stay", "abc\0", "abc\0"],
])("parityZero7bit: %s", (_sentence, value, expected) => {
  expect(parityZero7bit(value)).toBe(expected);
});
