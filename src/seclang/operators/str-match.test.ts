/** `@strmatch` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { strMatch } from "./str-match.ts";

test.each([
  ["bc", "abcd", true],
  ["BC", "abcd", false],
  ["", "", true],
  ["abcd", "abc", false],
])("@strmatch %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(strMatch, argument).test(value)).toBe(isMatch);
});
