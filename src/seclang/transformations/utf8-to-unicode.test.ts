import { expect, test } from "vitest";
import { utf8ToUnicode } from "./utf8-to-unicode.ts";

test.each([
  ["two, three and four bytes", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "%u00e9 %u20ac %u1f600"],
  ["full-width ASCII", "\xef\xbc\x9c", "%uff1c"],
  ["ASCII and NUL stay", "a\0b%", "a\0b%"],
  [
    "overlong forms show what they hide",
    "\xc0\xbc\xe0\x80\xbc\xf0\x80\x80\xbc",
    "%u003c%u003c%u003c",
  ],
  ["surrogates are shown", "\xed\xa0\xbc", "%ud83c"],
  ["a cut off sequence stays", "\xc3 \xe2\x82 \xf0\x9f\x98", "\xc3 \xe2\x82 \xf0\x9f\x98"],
  ["a sequence after a broken one is decoded", "\xe2\xc3\xa9", "\xe2%u00e9"],
  ["lone bytes stay", "\x80\xbf\xfe\xff", "\x80\xbf\xfe\xff"],
  ["the highest code point", "\xf4\x8f\xbf\xbf", "%u10ffff"],
  ["nothing above the highest code point", "\xf4\x90\x80\x80\xf8", "\xf4\x90\x80\x80\xf8"],
])("utf8toUnicode: %s", (_sentence, value, expected) => {
  expect(utf8ToUnicode(value)).toBe(expected);
});
