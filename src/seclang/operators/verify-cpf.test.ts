/** `@verifyCPF`: both check digits, and none of the numbers that pass by accident. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { verifyCpf } from "./verify-cpf.ts";

const PATTERN = "\\d{3}\\.?\\d{3}\\.?\\d{3}-?\\d{2}";

test.each([
  ["529.982.247-25", true],
  ["cpf=11144477735;", true],
  ["529.982.247-24", false],
  ["529.982.247-35", false],
  ["000.000.000-00", false],
  ["111.111.111-11", false],
  ["01234567890", false],
  ["529.982.247", false],
])("@verifyCPF on %j: %s", (value, isMatch) => {
  expect(compileOperator(verifyCpf, PATTERN).test(value)).toBe(isMatch);
});
