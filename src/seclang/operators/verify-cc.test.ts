/** `@verifyCC`: the check digit decides, among everything that the pattern finds. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { verifyCc } from "./verify-cc.ts";

test.each([
  ["\\d{13,16}", "4111111111111111", "4111111111111111"],
  ["\\d{16}", "4111111111111112", undefined],
  // As in ModSecurity, a loose pattern also finds the numbers inside a number.
  ["\\d{13,16}", "4111111111111112", "1111111111112"],
  ["\\d{15}", "378282246310005", "378282246310005"],
  ["(?:\\d{4}-?){3}\\d{4}", "pay 5500-0000-0000-0004 now", "5500-0000-0000-0004"],
  ["\\d{16}", "4111111111111112 and 4012888888881881", "4012888888881881"],
  ["\\d{16}", "94111111111111111", "4111111111111111"],
  ["\\d{16}", "none", undefined],
  ["\\d{16}", "", undefined],
  ["x*", "no digits", undefined],
])("@verifyCC %j on %j captures %j", (argument, value, captured) => {
  const operator = compileOperator(verifyCc, argument);
  expect(operator.test(value)).toBe(captured !== undefined);
  expect(operator.captures?.(value)).toEqual(captured === undefined ? [] : [captured]);
});
