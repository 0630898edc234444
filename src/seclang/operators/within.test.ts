/** `@within` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { within } from "./within.ts";

test.each([
  ["|GET| |POST|", "|GET|", true],
  ["|GET| |POST|", "|PUT|", false],
  ["GET POST", "get", false],
  ["GET POST", "ET PO", true],
  ["GET", "GET POST", false],
  ["GET", "", true],
  ["", "", true],
  ["", "x", false],
])("@within %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(within, argument).test(value)).toBe(isMatch);
});
