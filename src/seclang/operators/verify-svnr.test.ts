/** `@verifySVNR`: the check digit in the fourth place, and none of the numbers that people make up. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { verifySvnr } from "./verify-svnr.ts";

test.each([
  ["1237 010180", true],
  ["svnr:1237010180", true],
  ["1236 010180", false],
  ["1237 010181", false],
  ["0000 000000", false],
  ["1234567890", false],
  ["0123456789", false],
  ["1237 01018", false],
])("@verifySVNR on %j: %s", (value, isMatch) => {
  expect(compileOperator(verifySvnr, "\\d{4} ?\\d{6}").test(value)).toBe(isMatch);
});
