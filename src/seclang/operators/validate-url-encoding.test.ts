/** `@validateUrlEncoding` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { validateUrlEncoding } from "./validate-url-encoding.ts";

test.each([
  ["", false],
  ["plain", false],
  ["%41%4a%4A", false],
  ["%", true],
  ["%4", true],
  ["a%4", true],
  ["%41%", true],
  ["%4g", true],
  ["%g4", true],
  ["%%41", true],
  ["%u0041", true],
  ["100% sure", true],
])("@validateUrlEncoding on %j: %s", (value, isMatch) => {
  expect(compileOperator(validateUrlEncoding, "").test(value)).toBe(isMatch);
});
