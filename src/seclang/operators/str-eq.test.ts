/** `@streq` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { strEq } from "./str-eq.ts";

test.each([
  ["GET", "GET", true],
  ["GET", "get", false],
  ["GET", "GET ", false],
  ["", "", true],
  ["", "x", false],
  ["\\xe9", "\\xe9", true],
])("@streq %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(strEq, argument).test(value)).toBe(isMatch);
});
