/** `@validateUtf8Encoding`: each way to be malformed by name, and all others against Node's own check. */
import { isUtf8 } from "node:buffer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fromBytes } from "../byte-string.ts";
import { compileOperator } from "./compile-operator.test-support.ts";
import { validateUtf8Encoding } from "./validate-utf8-encoding.ts";

const operator = compileOperator(validateUtf8Encoding, "");

test.each([
  ["nothing", "", false],
  ["ASCII, NUL included", "a\x00\x7f", false],
  ["two bytes", "\xc2\x80\xdf\xbf", false],
  ["three bytes", "\xe0\xa0\x80\xef\xbf\xbf", false],
  ["the last code points around the surrogates", "\xed\x9f\xbf\xee\x80\x80", false],
  ["four bytes up to U+10FFFF", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", false],
  ["a byte that continues nothing", "a\x80", true],
  ["two bytes cut off", "a\xc3", true],
  ["three bytes cut off", "\xe2\x82", true],
  ["four bytes cut off", "\xf0\x9f\x98", true],
  ["a character that another byte breaks", "\xe2\x82a", true],
  ["an overlong slash of two bytes", "\xc0\xaf", true],
  ["an overlong DEL of two bytes", "\xc1\xbf", true],
  ["an overlong slash of three bytes", "\xe0\x80\xaf", true],
  ["an overlong character of four bytes", "\xf0\x8f\xbf\xbf", true],
  ["a high surrogate", "\xed\xa0\x80", true],
  ["a low surrogate", "\xed\xbf\xbf", true],
  ["a code point above U+10FFFF", "\xf4\x90\x80\x80", true],
  ["a byte that is never used", "\xf5\x80\x80\x80", true],
  ["byte FF at the end of long text", `${"a".repeat(1000)}\xff`, true],
])("%s is judged right", (_, value, isMatch) => {
  expect(operator.test(value)).toBe(isMatch);
});

test("random bytes are judged as Node judges them", () => {
  const borders = [0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed];
  const bytes = fc.array(fc.constantFrom(...borders, 0xef, 0xf0, 0xf4, 0xf5), { maxLength: 6 });
  fc.assert(
    fc.property(bytes, (list) => {
      const raw = Uint8Array.from(list);
      expect(operator.test(fromBytes(raw))).toBe(!isUtf8(raw));
    }),
    { numRuns: 1000 },
  );
});
