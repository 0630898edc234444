/** `@endsWith` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { endsWith } from "./ends-with.ts";

test.each([
  [".php", "/a.php", true],
  [".php", ".php", true],
  [".php", "/a.php ", false],
  [".php", "/a.PHP", false],
  [".php", "php", false],
  ["", "", true],
])("@endsWith %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(endsWith, argument).test(value)).toBe(isMatch);
});
