import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileLinear, compileWithGroups } from "./linear-program.ts";
import { isLinear, linearSize } from "./linear-size.ts";
import { parsePattern } from "./parse-pattern.ts";
import { regularSources } from "./random-patterns.test-support.ts";

describe("the size of a program", () => {
  test.each([
    "abc",
    "a|b|c",
    "(a)(b|c)",
    "a{3,7}?",
    "(?:ab){2,}",
    "\\s*+;",
    "a++b",
    "(?!a)b",
    "^\\bx$",
    "(?:){9}a",
  ])("of %s is counted right", (source) => {
    const pattern = parsePattern(source);
    expect(linearSize(pattern)).toBe(compileWithGroups(pattern).opcodes.length);
  });

  test("is never less than what is built", () => {
    fc.assert(
      fc.property(regularSources, (source) => {
        const pattern = parsePattern(source);
        const size = linearSize(pattern);
        expect(compileWithGroups(pattern).opcodes.length).toBeLessThanOrEqual(size);
        expect(compileLinear(pattern, "backward").opcodes.length).toBeLessThanOrEqual(size);
      }),
    );
  });

  test.each([
    "a(?=b)",
    "(?<!a)b",
    "(a)\\1",
    "(?>a|ab)c",
    "(?:ab)++",
    "a?+b",
    "a\\Z",
    "a{65000}",
    "((a{100}){100}){100}",
  ])("%s has no automaton", (source) => expect(isLinear(parsePattern(source))).toBe(false));
});
