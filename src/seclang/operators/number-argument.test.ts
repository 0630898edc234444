/** How text is read as a number, and which arguments are refused. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { eq } from "./eq.ts";
import { gt } from "./gt.ts";
import { readInteger } from "./number-argument.ts";

test.each([
  ["", 0],
  ["0", 0],
  ["-0", 0],
  ["12", 12],
  ["+12", 12],
  ["-12", -12],
  [" \t\n\v\f\r12", 12],
  ["12abc", 12],
  ["12.9", 12],
  ["1e3", 1],
  ["0x10", 0],
  ["0012", 12],
  ["abc", 0],
  ["- 1", 0],
  ["--1", 0],
  ["\xa012", 0],
  ["4294967296", 4_294_967_296],
  ["999999999999999", 999_999_999_999_999],
  ["9999999999999999", Number.MAX_SAFE_INTEGER],
  ["-9999999999999999", -Number.MAX_SAFE_INTEGER],
  [`${"0".repeat(400)}7`, 7],
  ["9".repeat(400), Number.MAX_SAFE_INTEGER],
])("%j is read as %d", (text, number) => {
  expect(readInteger(text)).toBe(number);
});

test("a number too large for any machine is over every limit, where ModSecurity takes it for 0", () => {
  expect(compileOperator(gt, "1000").test("9".repeat(30))).toBe(true);
});

test.each(["abc", "5x", "1.5", "0x10", "1 2", "-"])("the argument %j is refused", (argument) => {
  expect(() => compileOperator(eq, argument)).toThrow(
    expect.objectContaining({ code: "operator.argument_invalid" }),
  );
});

test.each(["", " 5 ", "+5", "-5"])("the argument %j is accepted", (argument) => {
  expect(compileOperator(eq, argument).test(argument)).toBe(true);
});
