/** Arguments with macros: compared as expanded, and never as the text of the macro. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { contains } from "./contains.ts";
import { eq } from "./eq.ts";
import { hasMacro } from "./macro-argument.ts";
import { strEq } from "./str-eq.ts";
import { within } from "./within.ts";

test.each([
  ["%{tx.allowed}", true],
  ["|%{TX.1}|", true],
  ["100%", false],
  ["%{open", false],
  ["}%{", false],
  ["", false],
])("%j holds a macro: %s", (argument, isMacro) => {
  expect(hasMacro(argument)).toBe(isMacro);
});

test("the expanded argument is compared, and the operator says that it needs it", () => {
  const operator = compileOperator(within, "%{tx.allowed_methods}");
  expect(operator.expands).toBe(true);
  expect(operator.test("GET", "GET POST")).toBe(true);
  expect(operator.test("PUT", "GET POST")).toBe(false);
  expect(operator.test("%{", "GET POST")).toBe(false);
});

test.each([
  ["within", within],
  ["eq", eq],
])("@%s throws when its macros were not expanded", (_, compiler) => {
  expect(() => compileOperator(compiler, "%{tx.x}").test("x")).toThrow("not expanded");
});

test.each([
  ["a constant part", contains, "needle", ["needle"]],
  ["an empty argument", contains, "", undefined],
  ["a macro", strEq, "%{tx.x}", undefined],
  ["the other direction", within, "needle", undefined],
])("what a prefilter may look for: %s", (_, compiler, argument, mandatory) => {
  expect(compileOperator(compiler, argument).mandatory).toEqual(mandatory);
});
