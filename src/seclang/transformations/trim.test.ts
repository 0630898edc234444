import { expect, test } from "vitest";
import { trim, trimLeft, trimRight } from "./trim.ts";

test.each([
  ["all six kinds of white space go at both ends", " \t\n\v\f\r a b \r\f\v\n\t ", "a b"],
  ["white space only becomes nothing", " \t ", ""],
  ["an empty value stays", "", ""],
  ["NUL is not white space", "\0 a \0", "\0 a \0"],
  ["a no-break space is not trimmed", "\xa0a\xa0", "\xa0a\xa0"],
])("trim: %s", (_sentence, value, expected) => {
  expect(trim(value)).toBe(expected);
});

test.each([
  ["the end stays", " \v a ", "a "],
  ["white space only becomes nothing", "  ", ""],
])("trimLeft: %s", (_sentence, value, expected) => {
  expect(trimLeft(value)).toBe(expected);
});

test.each([
  ["the beginning stays", " a \f ", " a"],
  ["white space only becomes nothing", "  ", ""],
])("trimRight: %s", (_sentence, value, expected) => {
  expect(trimRight(value)).toBe(expected);
});
