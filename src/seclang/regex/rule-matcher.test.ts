import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MatcherCache } from "./matcher-cache.ts";
import { parsePattern } from "./parse-pattern.ts";
import { analysePattern, type PatternFacts } from "./pattern-facts.ts";
import { regularSources, shortValues } from "./random-patterns.test-support.ts";
import { RuleMatcher, ValueTooLong } from "./rule-matcher.ts";
import { toRegExp } from "./to-javascript.ts";

/** With no value short enough for the backtracking engine. */
const linearFacts = (source: string): PatternFacts => ({
  ...analysePattern(source),
  risk: "never",
  backtrackingLimitBytes: -1,
});

const engines: [engine: string, matcherOf: (source: string) => RuleMatcher][] = [
  ["the engine of its choice", (source) => new RuleMatcher(analysePattern(source))],
  ["the linear engine", (source) => new RuleMatcher(linearFacts(source))],
];

describe.each(engines)("on %s", (_, matcherOf) => {
  const rows: [title: string, source: string, value: string, captures: string[]][] = [
    ["nothing", "(a)b", "ba", []],
    ["a match without groups", "b+", "abbc", ["bb"]],
    ["groups", "(\\w+)=(\\w*)", "?id=7", ["id=7", "id", "7"]],
    ["a group without part as empty", "(a)|(b)", "b", ["b", "", "b"]],
    ["no groups after the last that took part", "(a)|(b)", "a", ["a", "a"]],
    ["an empty match", "^(x*)", "abc", ["", ""]],
    [
      "ten of many groups",
      "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)",
      "abcdefghij",
      ["abcdefghij", ..."abcdefghi".split("")],
    ],
    ["the first alternative, not the longest", "a|ab", "cab", ["a"]],
    ["what stands at an end", "(\\w+)$", "a b", ["b", "b"]],
    ["no end where the match ends", "ab$|a|b\\b", "abc", ["a"]],
    ["a possessive run", "(\\s*+);", "a  ;", ["  ;", "  "]],
  ];
  test.each(rows)("captures %s", (__, source, value, captures) => {
    const matcher = matcherOf(source);
    expect(matcher.captures(value)).toEqual(captures);
    expect(matcher.test(value)).toBe(captures.length > 0);
  });

  test("says again what it has said before", () => {
    const matcher = matcherOf("a(b+)");
    for (let i = 0; i < 3; i++) {
      expect(matcher.test("xabb")).toBe(true);
      expect(matcher.captures("xabb")).toEqual(["abb", "bb"]);
      expect(matcher.test("xacb")).toBe(false);
    }
  });
});

describe("the choice of the engine", () => {
  test("long values of a cubic pattern are matched in linear time", () => {
    const matcher = new RuleMatcher(analysePattern("\\s*[^;]*\\s*x(\\d)"));
    const value = "\n".repeat(20_000);
    expect(matcher.test(value)).toBe(false);
    expect(matcher.captures(value)).toEqual([]);
    expect(matcher.captures(`;${value}x1`)).toEqual([`${value}x1`, "1"]);
  });

  test("an exponential pattern never backtracks", () => {
    const matcher = new RuleMatcher(analysePattern("(?:a|a|a|a)*b(.)"));
    matcher.warm();
    expect(matcher.test("a".repeat(40))).toBe(false);
    expect(matcher.captures(`${"a".repeat(40)}b!`)).toEqual([`${"a".repeat(40)}b!`, "!"]);
  });

  test("a value that needs backtracking is searched at any length, with its steps counted", () => {
    const matcher = new RuleMatcher(analysePattern("(\\w+)\\s*=\\s*\\1\\b"));
    expect(matcher.test("a = a")).toBe(true);
    expect(matcher.captures("a = a")).toEqual(["a = a", "a"]);
    const prose = "no equal words, a = b. ".repeat(1_000);
    expect(matcher.test(prose)).toBe(false);
    expect(matcher.captures(prose)).toEqual([]);
    expect(matcher.captures(`${prose}same = same`)).toEqual(["same = same", "same"]);
  });

  test("a value that takes too many steps is thrown, but only if it may match", () => {
    const matcher = new RuleMatcher(analysePattern("(\\w+)\\s*=\\s*\\1\\b"));
    const pump = "a".repeat(20_000);
    expect(matcher.test(pump)).toBe(false);
    expect(matcher.captures(pump)).toEqual([]);
    const long = `a = b ${pump}`;
    expect(() => matcher.test(long)).toThrow(ValueTooLong);
    expect(() => matcher.captures(long)).toThrow(ValueTooLong);
  });

  test("a pattern too large for an automaton refuses long values", () => {
    const matcher = new RuleMatcher(analysePattern("(?:\\w{1,60000}a){2}"));
    expect(matcher.test("baba")).toBe(true);
    expect(() => matcher.test("b".repeat(5_000))).toThrow(ValueTooLong);
  });

  test("groups that cannot be found in a huge value are thrown, the whole match is not", () => {
    const huge = `${"a ".repeat(600_000)}b`;
    expect(() => new RuleMatcher(linearFacts("(?:a|a| )*(b)")).captures(huge)).toThrow(
      ValueTooLong,
    );
    expect(new RuleMatcher(linearFacts("(?:a|a| )*b")).captures(huge)).toEqual([huge]);
  });

  test("the memory it uses is counted in the cache it was given", () => {
    const cache = new MatcherCache();
    const matcher = new RuleMatcher(linearFacts("a[bc]+d"), cache);
    expect(cache.usedBytes).toBe(0);
    matcher.test("xabcbcd");
    const afterTest = cache.usedBytes;
    expect(afterTest).toBeGreaterThan(0);
    matcher.captures("xabcbcd");
    expect(cache.usedBytes).toBeGreaterThan(afterTest);
  });
});

test("both engines give the same answers and begin where the plain expression begins", () => {
  fc.assert(
    fc.property(regularSources, shortValues, (source, value) => {
      const match = toRegExp(parsePattern(source)).exec(value);
      for (const [, matcherOf] of engines) {
        const matcher = matcherOf(source);
        expect(matcher.test(value)).toBe(match !== null);
        const [whole] = matcher.captures(value);
        if (!match) expect(whole).toBeUndefined();
        else expect(value.startsWith(whole ?? "?", match.index)).toBe(true);
      }
    }),
    { numRuns: 150 },
  );
});
