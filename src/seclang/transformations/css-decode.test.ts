import { expect, test } from "vitest";
import { cssDecode } from "./css-decode.ts";

test.each([
  ["one to six digits make a byte", "\\1x\\41\\041\\0041\\00041\\000041", "\x01xAAAAA"],
  ["only the low byte counts", "\\123\\1234\\12345\\123456", "#4EV"],
  ["a seventh digit is text", "\\0000411", "A1"],
  ["full-width ASCII becomes plain", "\\ff01\\FF5E\\0ff1c\\00ff1e", "!~<>"],
  ["full width ends at 5E", "\\ff5f\\ff00", "_\0"],
  ["five digits without a leading zero are not full width", "\\1ff01", "\x01"],
  ["one white space after the digits goes", "\\41  b\\41\tb", "A bAb"],
  ["a line feed after the backslash goes with it", "a\\\nb", "ab"],
  ["any other escaped character stays alone", "\\j\\\\\\z", "j\\z"],
  ["a backslash at the end goes", "a\\", "a"],
  ["digits may be cut off at the end", "\\4", "\x04"],
  ["javascript in disguise is seen", "ja\\vasc\\72ipt", "javascript"],
  ["NUL is data", "\\\0\0", "\0\0"],
])("cssDecode: %s", (_sentence, value, expected) => {
  expect(cssDecode(value)).toBe(expected);
});
