/** `@ge` as ModSecurity 3 answers, but for numbers beyond 32 bits. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { ge } from "./ge.ts";

const NUMBERS = ["0", "1", "9", "10", "-3", "4294967296"];

test.each(NUMBERS.flatMap((argument) => NUMBERS.map((value) => [argument, value] as const)))(
  "@ge %j on %j compares numbers, not text",
  (argument, value) => {
    const isMatch = Number(value) >= Number(argument);
    expect(compileOperator(ge, argument).test(value)).toBe(isMatch);
    expect(compileOperator(ge, "%{tx.limit}").test(value, argument)).toBe(isMatch);
  },
);

test("@ge counts a value without a number as 0", () => {
  expect(compileOperator(ge, "0").test("none")).toBe(true);
  expect(compileOperator(ge, "1").test("")).toBe(false);
});
