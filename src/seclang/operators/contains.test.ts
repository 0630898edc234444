/** `@contains` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { contains } from "./contains.ts";

test.each([
  ["bc", "abcd", true],
  ["BC", "abcd", false],
  ["", "abcd", true],
  ["", "", true],
  ["a", "", false],
  ["a.c", "abc", false],
  ["\\xff\\x00", "x\\xff\\x00y", true],
])("@contains %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(contains, argument).test(value)).toBe(isMatch);
});
