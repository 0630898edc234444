import { describe, expect, test } from "vitest";
import { LinearMatcher } from "./linear-matcher.ts";
import { parsePattern } from "./parse-pattern.ts";
import { relaxPattern } from "./relax-pattern.ts";
import { toRegExp } from "./to-javascript.ts";

const VALUES = ["", "a", "ab", "aba", "aabb", "abab\n", "xyx", "ba\n", "aaa", "xaxbx", "a b a"];

describe("a relaxed pattern", () => {
  test.each([
    "a(?=b)",
    "(?<!a)b",
    "(?<=a)b(?!a)",
    "(a|b)\\w*\\1",
    "(?>a|ab)b",
    "(?:ab)++",
    "a?+b",
    "b\\Z",
    "(?:(?!ab).)+x",
    "a\\Z\\n?",
  ])("matches whatever %s matches", (source) => {
    const pattern = parsePattern(source);
    const matcher = new LinearMatcher(relaxPattern(pattern));
    const expression = toRegExp(pattern);
    const matching = VALUES.filter((value) => expression.test(value));
    expect(matching.length).toBeGreaterThan(0);
    expect(matching.filter((value) => !matcher.test(value))).toEqual([]);
  });

  test("is the pattern itself when that is regular", () => {
    const pattern = parsePattern("^(a|b)*c++(?!d)\\b$");
    expect(relaxPattern(pattern)).toEqual(pattern);
  });
});
