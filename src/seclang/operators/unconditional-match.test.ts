/** `@unconditionalMatch` and what it ignores. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { unconditionalMatch } from "./unconditional-match.ts";

test.each(["", "x"])("@unconditionalMatch on %j matches", (value) => {
  expect(compileOperator(unconditionalMatch, "ignored").test(value)).toBe(true);
});
