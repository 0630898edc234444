import { expect, test } from "vitest";
import { length } from "./length.ts";

test.each([
  ["in decimal digits", "0123456789", "10"],
  ["bytes, not characters", "\xc3\xa9", "2"],
  ["nothing is zero", "", "0"],
  ["NUL counts", "\0", "1"],
])("length: %s", (_sentence, value, expected) => {
  expect(length(value)).toBe(expected);
});
