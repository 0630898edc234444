/** What all verifying operators share: load errors, overlapping candidates, and a bound on the work. */
import { expect, test } from "vitest";
import { compileOperator, testTools } from "./compile-operator.test-support.ts";
import { OperatorRefused } from "./operator.ts";
import { verifyCc } from "./verify-cc.ts";
import { verifySsn } from "./verify-ssn.ts";

test.each(["", "%{tx.pattern}", "(\\d"])("the pattern %j is refused", (argument) => {
  expect(() => compileOperator(verifyCc, argument)).toThrow(
    expect.objectContaining({ code: "operator.argument_invalid" }),
  );
});

test("without a pattern engine the operator is refused", () => {
  const readFile = () => new Uint8Array();
  expect(() => verifyCc("\\d{16}", { readFile })).toThrow(
    expect.objectContaining({ code: "operator.tool_missing" }),
  );
});

test("a refusal of the pattern engine keeps its code", () => {
  const compilePattern = (): never => {
    throw new OperatorRefused("operator.unsupported", "no look-behind");
  };
  expect(() => verifyCc("x", { ...testTools(), compilePattern })).toThrow(
    expect.objectContaining({ code: "operator.unsupported" }),
  );
});

test("a long run of digits costs a bounded number of candidates and is not called clean", () => {
  const tools = testTools();
  let candidateBytes = 0;
  const counting = verifySsn("\\d+", {
    ...tools,
    compilePattern: () => (value, from) => {
      candidateBytes += value.length - from;
      return { start: from, end: value.length };
    },
  });
  const value = "0".repeat(20_000);
  expect(counting.test(value)).toBe(true);
  expect(candidateBytes).toBeLessThan(value.length * 40);
});

test("a pattern for a number finishes on the same digits with the right answer", () => {
  expect(compileOperator(verifySsn, "\\d{9}").test("0".repeat(20_000))).toBe(false);
  expect(compileOperator(verifySsn, "\\d{9}").test(`${"0".repeat(20_000)}78051120`)).toBe(true);
});
