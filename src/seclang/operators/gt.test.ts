/** `@gt` as ModSecurity 3 answers, but for numbers beyond 32 bits. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { gt } from "./gt.ts";

const NUMBERS = ["0", "1", "9", "10", "-3", "4294967296"];

test.each(NUMBERS.flatMap((argument) => NUMBERS.map((value) => [argument, value] as const)))(
  "@gt %j on %j compares numbers, not text",
  (argument, value) => {
    const isMatch = Number(value) > Number(argument);
    expect(compileOperator(gt, argument).test(value)).toBe(isMatch);
    expect(compileOperator(gt, "%{tx.limit}").test(value, argument)).toBe(isMatch);
  },
);

test("@gt counts a value without a number as 0", () => {
  expect(compileOperator(gt, "0").test("none")).toBe(false);
  expect(compileOperator(gt, "1").test("")).toBe(false);
});
