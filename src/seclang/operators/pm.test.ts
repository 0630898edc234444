/** `@pm`: words, case, captures, and bytes written in hexadecimal. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { pm } from "./pm.ts";

test.each([
  ["sleep benchmark", "x SLEEP(1)", "SLEEP"],
  ["sleep benchmark", "asleep", "sleep"],
  ["sleep benchmark", "slee p", undefined],
  ["  a \t b\n", "xB", "B"],
  ["( )", "f()", "("],
  ["?> <?", "<?php", "<?"],
  ["abcd bc", "abcd", "bc"],
  ["bcd abcd", "abcd", "abcd"],
  ['"a b"', "b", "b"],
  ['"', 'say "', '"'],
  ["%{tx.x}", "%{tx.x}", "%{tx.x}"],
  ["|41 42|c", "xabC", "abC"],
  ["x|20|y", "x y", "x y"],
  ["a|b", "a|b", "a|b"],
  ["||", "a||b", "||"],
  ["a\\:b c\\\\d", "a:b", "a:b"],
  ["a\\:b c\\\\d", "c\\d", "c\\d"],
  ["\\x41", "\\x41", "\\x41"],
  ["\xc3\xa9", "caf\xc3\xa9", "\xc3\xa9"],
  ["\xe9", "\xc9", undefined],
])("@pm %j on %j captures %j", (argument, value, captured) => {
  const operator = compileOperator(pm, argument);
  expect(operator.test(value)).toBe(captured !== undefined);
  expect(operator.captures?.(value)).toEqual(captured === undefined ? [] : [captured]);
});

test.each(["", " \t"])("an argument without a word is refused (%j)", (argument) => {
  expect(() => compileOperator(pm, argument)).toThrow(
    expect.objectContaining({ code: "operator.argument_invalid" }),
  );
});

test("the words are what a prefilter may look for", () => {
  expect(compileOperator(pm, "a |62|c").mandatory).toEqual(["a", "bc"]);
});
