/** Which operators there are, which are stubs, and which are refused. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { OPERATORS } from "./table.ts";

const STUBS = ["geolookup", "rbl"];
const REFUSED =
  "fuzzyhash gsblookup inspectfile rsub validatedtd validatehash validateschema".split(" ");
const NAMED_IN_THE_MANUAL = `
  beginsWith contains containsWord endsWith eq ge gt le lt ipMatch ipMatchF ipMatchFromFile pm pmf pmFromFile
  streq strmatch within noMatch unconditionalMatch verifyCC verifyCPF verifySSN verifySVNR validateByteRange
  validateUrlEncoding validateUtf8Encoding`;

test("every operator is found by its lower-case name, and there are no others", () => {
  const run = NAMED_IN_THE_MANUAL.trim().toLowerCase().split(/\s+/);
  const names = [...run, ...STUBS, ...REFUSED];
  expect([...OPERATORS.keys()].sort()).toEqual(names.sort());
});

test.each(STUBS)("@%s loads, never matches and says that it is a stub", (name) => {
  const compiler = OPERATORS.get(name);
  expect(compiler).toBeDefined();
  if (compiler === undefined) return;
  const operator = compileOperator(compiler, "anything");
  expect(operator.stub).toBe(true);
  expect(operator.test("203.0.113.9")).toBe(false);
});

test.each(REFUSED)("@%s is a load error that says what to do", (name) => {
  const compiler = OPERATORS.get(name);
  expect(compiler).toBeDefined();
  if (compiler === undefined) return;
  expect(() => compileOperator(compiler, "anything")).toThrow(
    expect.objectContaining({ code: "operator.unsupported", message: expect.stringMatching(/\w/) }),
  );
});
