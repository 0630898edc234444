import { expect, test } from "vitest";
import { cmdLine } from "./cmd-line.ts";

test.each([
  ["quotes, backslashes and carets go", "c^a't\" /e\\t^c", "cat/etc"],
  ["commas, semicolons and line ends become one space", "a,; \t\r\nb", "a b"],
  ["no space stays before a slash or parenthesis", "cat  /etc (x", "cat/etc(x"],
  ["a space is taken back across a removed quote", "cat '/etc", "cat/etc"],
  ["the space after a slash stays", "/ a", "/ a"],
  ["a space at the beginning stays", " ,a", " a"],
  ["ASCII letters become lower case", "C:/Windows", "c:/windows"],
  ["other bytes stay", "\xc3\x89\0", "\xc3\x89\0"],
  ["vertical tabs are no separators", "a\v/b", "a\v/b"],
  ["quotes only become nothing", "''\"\"", ""],
  ["a plain sentence stays", "two words", "two words"],
])("cmdLine: %s", (_sentence, value, expected) => {
  expect(cmdLine(value)).toBe(expected);
});
