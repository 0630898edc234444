/** `@validateByteRange` as ModSecurity 3 answers, and the arguments that are refused instead of passed over. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { validateByteRange } from "./validate-byte-range.ts";

test.each([
  ["1-255", "any\xff", false],
  ["1-255", "nul\x00", true],
  ["9,10,13,32-126", "a\tb\r\n~ ", false],
  ["9,10,13,32-126", "\x7f", true],
  ["9,10,13,32-126", "\x0b", true],
  [" 32 - 36 , 38-126 ", "100%", true],
  [" 32 - 36 , 38-126 ", "100", false],
  ["65", "A", false],
  ["65", "AAB", true],
  ["0-255", "", false],
  ["20,45-47", "", false],
])("@validateByteRange %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(validateByteRange, argument).test(value)).toBe(isMatch);
});

test.each(["", "a", "256", "1-256", "9-1", "1-2-3", "-1", "1-", "1,,2", "0x20", "%{tx.range}"])(
  "the argument %j is refused",
  (argument) => {
    expect(() => compileOperator(validateByteRange, argument)).toThrow(
      expect.objectContaining({ code: "operator.argument_invalid" }),
    );
  },
);
