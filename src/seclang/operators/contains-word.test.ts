/** `@containsWord` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { containsWord } from "./contains-word.ts";

test.each([
  ["cat", "a cat sat", true],
  ["cat", "cat", true],
  ["cat", "cat sat", true],
  ["cat", "the cat", true],
  ["cat", "concat", false],
  ["cat", "cats", false],
  ["cat", "CAT", false],
  ["cat", "cats cat", true],
  ["cat", "concat,cat", true],
  ["cat", "7cat_", true],
  ["cat", "\\xe9cat\\xe9", true],
  ["", "x", true],
  ["cat", "", false],
  ["-a-", "x-a-x", false],
  ["aa", "aaa aa", true],
  ["cat", "[cat{", true],
  ["cat", "Zcat", false],
  ["cat", "@cat`", true],
])("@containsWord %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(containsWord, argument).test(value)).toBe(isMatch);
});
