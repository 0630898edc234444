/** `@noMatch` and what it ignores. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { noMatch } from "./no-match.ts";

test.each(["", "x"])("@noMatch on %j does not match", (value) => {
  expect(compileOperator(noMatch, "ignored").test(value)).toBe(false);
});
