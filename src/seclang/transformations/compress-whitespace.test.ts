import { expect, test } from "vitest";
import { compressWhitespace } from "./compress-whitespace.ts";

test.each([
  ["runs become one space, at the ends too", "  a\t \r\n b\v\f", " a b "],
  ["one tab becomes a space", "a\tb", "a b"],
  ["single spaces stay", "a b c", "a b c"],
  ["a no-break space in latin1 joins the run", "a \xa0\xa0 b", "a b"],
  ["a no-break space in UTF-8 joins the run", "a\xc2\xa0\xc2\xa0b", "a b"],
  ["the A0 inside a character stays", "\xc3\xa0  \xe1\xa0\xa0", "\xc3\xa0 \xe1\xa0\xa0"],
  ["a C2 that leads another character stays", "\xc2\xa9  x", "\xc2\xa9 x"],
  ["NUL is not white space", "a \0 b", "a \0 b"],
  ["an empty value stays", "", ""],
])("compressWhitespace: %s", (_sentence, value, expected) => {
  expect(compressWhitespace(value)).toBe(expected);
});
