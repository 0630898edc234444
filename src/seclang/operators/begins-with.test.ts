/** `@beginsWith` as ModSecurity 3 answers. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { beginsWith } from "./begins-with.ts";

test.each([
  ["/admin", "/admin/x", true],
  ["/admin", "/admin", true],
  ["/admin", "x/admin", false],
  ["/admin", "/Admin", false],
  ["/admin", "/adm", false],
  ["", "", true],
  ["", "x", true],
])("@beginsWith %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(beginsWith, argument).test(value)).toBe(isMatch);
});
