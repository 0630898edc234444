import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CountedMatcher } from "./counted-matcher.ts";
import { parsePattern } from "./parse-pattern.ts";
import { regularSources, shortValues } from "./random-patterns.test-support.ts";
import { toRegExp } from "./to-javascript.ts";

const ENOUGH_STEPS = 1_000_000;

const find = (source: string, value: string) =>
  new CountedMatcher(parsePattern(source)).match(value, ENOUGH_STEPS);

describe("a match has the places PCRE gives it", () => {
  const rows: [title: string, source: string, value: string, places: number[] | undefined][] = [
    ["nothing", "ab", "ba", undefined],
    ["the first alternative that works, not the longest", "a|ab", "xab", [1, 2]],
    ["greedy and lazy runs", "(a*)(a*?)(b)", "aab", [0, 3, 0, 2, 2, 2, 2, 3]],
    ["a lazy run that must go on", "<(.+?)>", "<a><b>", [0, 3, 1, 2]],
    ["a lazy run with bounds", "a{1,2}?b", "aaab", [1, 4]],
    ["counted rounds", "(?:ab){2,3}", "abababab", [0, 6]],
    ["lazy rounds", "(?:ab)+?c", "ababc", [0, 5]],
    ["rounds inside rounds", "(?:(?:a|b)+,)+;", "a,bb,a,;", [0, 8]],
    ["rounds that take nothing", "(?:a*)*b", "aab", [0, 3]],
    ["a group that took no part", "(a)|(b)", "b", [0, 1, -1, -1, 0, 1]],
    ["what a failed attempt had set", "(?:(a)x|ab)", "ab", [0, 2, -1, -1]],
    ["the last round's text", "(?:(a)|(b))+", "ab", [0, 2, 0, 1, 1, 2]],
    ["a reference", "(\\w+)=\\1", "a=b=b", [2, 5, 2, 3]],
    ["a reference in another case", "(?i)(\\w+)=\\1", "ab=AB", [0, 5, 0, 2]],
    ["a reference in the same case only", "(\\w+)=\\1", "ab=AB", undefined],
    ["a reference to a group without part", "(?:(a)|b)\\1c", "bc", undefined],
    ["a look ahead, with its group", "(?=(\\w+))a", "ab", [0, 1, 0, 2]],
    ["a look ahead that may not find", "a(?!b|c)", "abacad", [4, 5]],
    ["a group of a look that failed later", "(?=(a))b|a", "a", [0, 1, -1, -1]],
    ["a look behind", "(?<=ab|c)d", "adbd-cd", [6, 7]],
    ["a look behind that may not find", "(?<!&lt|x);", "&lt;x;;", [6, 7]],
    ["an atomic group", "(?>a|ab)c", "abc", undefined],
    ["a possessive run", "a++b", "aab", [0, 3]],
    ["a possessive run that gives nothing back", "a++a", "aaa", undefined],
    ["the end, and the newline before it", "a\\Z", "aba\n", [2, 3]],
    ["anchors and words", "^(\\w+)\\b.*$", "ab c", [0, 4, 0, 2]],
  ];
  test.each(rows)("%s", (_, source, value, places) => {
    expect(find(source, value)).toEqual(places);
  });
});

describe("steps are counted, and none goes beyond the limit", () => {
  test.each([
    ["a quadratic run", "\\w+=", "a".repeat(20_000)],
    ["an exponential loop", "(?:a|a)*b", "a".repeat(40)],
    ["references", "(a+)\\1+b", "a".repeat(3_000)],
    ["looks ahead", "(?:(?=a*b).)*c", "a".repeat(3_000)],
    ["looks behind", "(?<=a.*)b", "b".repeat(3_000)],
  ])("%s", (_, source, value) => {
    const matcher = new CountedMatcher(parsePattern(source));
    expect(matcher.match(value, 100_000)).toBe("spent");
    expect(matcher.steps).toBeLessThanOrEqual(100_000 + value.length + 1);
    expect(matcher.match("", 100)).toBeUndefined();
  });

  test("deep nesting ends the search before the stack does", () => {
    expect(find("(?:a|b)*c", "ab".repeat(50_000))).toBe("spent");
    expect(find("(?:(?:(?:a|b)*|c)*|d)*e", "abc".repeat(50_000))).toBe("spent");
  });

  test("a run of bytes is not nesting", () => {
    const value = `${"a".repeat(100_000)}b`;
    expect(find("^a*b", value)).toEqual([0, value.length]);
    expect(find("^.*?b", value)).toEqual([0, value.length]);
  });
});

test("what it finds is what the plain expression finds", () => {
  fc.assert(
    fc.property(regularSources, shortValues, (source, value) => {
      const match = toRegExp(parsePattern(source)).exec(value);
      const found = find(source, value);
      // Nested loops are made, too, which the plain expression cuts short.
      if (found !== "spent") expect(found?.[0]).toBe(match?.index);
    }),
    { numRuns: 1_000 },
  );
});
