/** `@verifySSN`: only numbers that could have been issued. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { verifySsn } from "./verify-ssn.ts";

const PATTERN = "\\d{3}-?\\d{2}-?\\d{4}";

test.each([
  ["078-05-1120", true],
  ["739-01-0001", true],
  ["my number is 457555462.", true],
  ["000-12-3456", false],
  ["666-12-3456", false],
  ["740-12-3456", false],
  ["999-12-3456", false],
  ["123-00-4567", false],
  ["123-45-0000", false],
  ["123-45-6789", false],
  ["111-11-1111", false],
  ["12-345-6789", false],
])("@verifySSN on %j: %s", (value, isMatch) => {
  expect(compileOperator(verifySsn, PATTERN).test(value)).toBe(isMatch);
});

test("more than nine digits are no number, unless the pattern finds nine of them", () => {
  expect(compileOperator(verifySsn, "^\\d+$").test("0780511200")).toBe(false);
  expect(compileOperator(verifySsn, "\\d{9}").captures?.("0780511200")).toEqual(["078051120"]);
});
