/** `@le` as ModSecurity 3 answers, but for numbers beyond 32 bits. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { le } from "./le.ts";

const NUMBERS = ["0", "1", "9", "10", "-3", "4294967296"];

test.each(NUMBERS.flatMap((argument) => NUMBERS.map((value) => [argument, value] as const)))(
  "@le %j on %j compares numbers, not text",
  (argument, value) => {
    const isMatch = Number(value) <= Number(argument);
    expect(compileOperator(le, argument).test(value)).toBe(isMatch);
    expect(compileOperator(le, "%{tx.limit}").test(value, argument)).toBe(isMatch);
  },
);

test("@le counts a value without a number as 0", () => {
  expect(compileOperator(le, "0").test("none")).toBe(true);
  expect(compileOperator(le, "1").test("")).toBe(true);
});
