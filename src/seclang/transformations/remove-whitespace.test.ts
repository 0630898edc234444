import { expect, test } from "vitest";
import { removeWhitespace } from "./remove-whitespace.ts";

test.each([
  ["all six kinds go", " a\t\n\v\f\r b ", "ab"],
  ["no-break spaces go, in latin1 and UTF-8", "a\xa0b\xc2\xa0\xa0c", "abc"],
  ["the A0 inside a character stays", "\xc3\xa0\xe1\xa0\xa0", "\xc3\xa0\xe1\xa0\xa0"],
  ["a C2 without its A0 stays", "a \xc2", "a\xc2"],
  ["NUL stays", "\0 \0", "\0\0"],
  ["a value without white space stays", "abc", "abc"],
])("removeWhitespace: %s", (_sentence, value, expected) => {
  expect(removeWhitespace(value)).toBe(expected);
});
