import { expect, test } from "vitest";
import { removeComments, removeCommentsChar, replaceComments } from "./comments.ts";

test.each([
  ["each comment becomes one space", "UN/* x */ION/**//**/SELECT", "UN ION  SELECT"],
  ["an open comment reaches to the end", "a/* b # c", "a "],
  ["a closing mark alone stays", "a */ b", "a */ b"],
  ["comments do not nest", "/* /* */ */", "  */"],
  ["the opening star does not close", "/*/ a", " "],
  ["other kinds of comment stay", "a -- b # c <!-- d -->", "a -- b # c <!-- d -->"],
  ["NUL inside goes too", "/*\0*/x", " x"],
])("replaceComments: %s", (_sentence, value, expected) => {
  expect(replaceComments(value)).toBe(expected);
});

test.each([
  ["comments go without a trace", "UN/* x */ION<!-- y -->S", "UNIONS"],
  ["either closing mark ends a comment", "a/* x -->b<!-- y */c", "abc"],
  ["the rest of the line goes after -- and #", "a -- b", "a "],
  ["a number sign cuts", "a#b", "a"],
  ["marks inside a comment do not cut", "a/* -- # */b", "ab"],
  ["an open comment becomes a space", "a/* b", "a "],
  ["a comment right after another goes", "/**//*x*/a/**/#b", "a"],
  ["nothing is left of a comment alone", "/* x */", ""],
  ["a closing mark alone stays", "a */ b", "a */ b"],
])("removeComments: %s", (_sentence, value, expected) => {
  expect(removeComments(value)).toBe(expected);
});

test.each([
  ["the marks go and the text stays", "a/*b*/c<!--d-->e--f#g", "abcdefg"],
  ["marks that come to be are not removed again", "/-*-*", "/-*-*"],
  ["an opening mark wins over a closing one", "/*/", "/"],
  ["single characters stay", "a-b/c*d<!-", "a-b/c*d<!-"],
])("removeCommentsChar: %s", (_sentence, value, expected) => {
  expect(removeCommentsChar(value)).toBe(expected);
});
