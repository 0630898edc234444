import { expect, test } from "vitest";
import { removeNulls, replaceNulls } from "./nulls.ts";

test.each([
  ["all NUL bytes go", "\0a\0\0b\0", "ab"],
  ["the digit zero stays", "a0", "a0"],
])("removeNulls: %s", (_sentence, value, expected) => {
  expect(removeNulls(value)).toBe(expected);
});

test.each([
  ["each NUL byte becomes a space", "\0a\0\0b", " a  b"],
  ["a value without NUL stays", "ab", "ab"],
])("replaceNulls: %s", (_sentence, value, expected) => {
  expect(replaceNulls(value)).toBe(expected);
});
