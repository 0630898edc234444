import { expect, test } from "vitest";
import { bestFitAscii } from "./best-fit-ascii.ts";

test.each([
  ["the first of the table", 0x00a0, " "],
  ["the last of the table", 0x2122, "T"],
  ["the end of a long run", 0x0131, "i"],
  ["a low quote", 0x201a, ","],
  ["a prime", 0x2032, "'"],
])("best fit: %s", (_sentence, codePoint, expected) => {
  expect(bestFitAscii(codePoint)).toBe(expected.charCodeAt(0));
});

test.each([
  ["ASCII itself", 0x41],
  ["a gap in the table", 0x00a3],
  ["Cyrillic a, which only looks like one", 0x0430],
  ["past the end of the table", 0x2123],
  ["full width, which follows a rule", 0xff1c],
])("best fit: none for %s", (_sentence, codePoint) => {
  expect(bestFitAscii(codePoint)).toBeUndefined();
});
