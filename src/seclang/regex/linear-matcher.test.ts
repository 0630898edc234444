import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LinearMatcher } from "./linear-matcher.ts";
import { parsePattern } from "./parse-pattern.ts";
import { regularSources, shortValues } from "./random-patterns.test-support.ts";
import { toJavaScript, toRegExp } from "./to-javascript.ts";

const matcherOf = (source: string, cacheLimitBytes?: number) =>
  new LinearMatcher(parsePattern(source), cacheLimitBytes);

/** So small that caches are emptied, or given up, within a few bytes. */
const TINY_CACHE_BYTES = 1_200;

describe("finding", () => {
  const rows: [title: string, source: string, value: string, start: number, end: number][] = [
    ["the leftmost match, not the one that ends first", "abcd|bc", "xabcdx", 1, 5],
    ["the longest of those that begin there", "a|ab|abc", "xabcd", 1, 4],
    ["an empty match at the start", "x*", "abc", 0, 0],
    ["an anchored match", "^ab", "abab", 0, 2],
    ["a match at the very end", "ab$", "abab", 2, 4],
    ["a word of its own", "\\bcat\\b", "concat cat", 7, 10],
    ["a line", "(?m)^b$", "a\nb\nc", 2, 3],
    ["bytes above ASCII", "[\\xc0-\\xff]+", "na\xc3\xefve", 2, 4],
  ];
  test.each(rows)("finds %s", (_, source, value, ...[start, end]) => {
    expect(matcherOf(source).find(value)).toEqual({ start, end });
  });

  test.each([
    ["a possessive run gives nothing back", "a++a", "aaa", false],
    ["a possessive run may end the value", "ba++", "xbaa", true],
    ["a possessive run is followed by another byte", "^\\s*+;", "  \t;", true],
    ["a byte that must not follow does not", "a(?!b)", "abac", true],
    ["a byte that must not follow follows everywhere", "a(?!b)", "abab", false],
    ["nothing follows at the end", "a(?!b)", "aba", true],
  ])("%s", (_, source, value, isMatch) => {
    expect(matcherOf(source).test(value)).toBe(isMatch);
    expect(matcherOf(source, 0).test(value)).toBe(isMatch);
    expect(toRegExp(parsePattern(source)).test(value)).toBe(isMatch);
  });

  test("takes the whole value for the place of a match it cannot look for backward", () => {
    expect(matcherOf("a(?!b)").find("abac")).toEqual({ start: 0, end: 4 });
    expect(matcherOf("a(?!b)").find("ab")).toBeUndefined();
  });

  test("says the same after it was told to forget", () => {
    const matcher = matcherOf("a[bc]+d");
    expect(matcher.find("xabcd")).toEqual({ start: 1, end: 5 });
    const usedBytes = matcher.usedBytes;
    matcher.forget();
    expect(matcher.usedBytes).toBeLessThan(usedBytes);
    expect(matcher.find("xabcd")).toEqual({ start: 1, end: 5 });
    expect(matcher.usedBytes).toBe(usedBytes);
  });

  test("finds nothing where nothing is", () => {
    expect(matcherOf("^b").find("ab\nb")).toBeUndefined();
    expect(matcherOf("[^\\x00-\\xff]").find("anything")).toBeUndefined();
  });
});

describe("refusing", () => {
  test.each([
    ["look-ahead", "a(?=b)"],
    ["look-behind", "(?<!a)b"],
    ["a back-reference", "(a)\\1"],
    ["an atomic group", "(?>a|ab)c"],
    ["a possessive repeat of more than a byte", "(?:ab)++b"],
    ["a possessive repeat that has an end", "a?+b"],
    ["an end that looks two places ahead", "a\\Z"],
  ])("%s is not regular", (_, source) => {
    expect(() => matcherOf(source)).toThrow(expect.objectContaining({ code: "notRegular" }));
  });

  test.each([
    ["one large count", "a{65000}"],
    ["counts within counts", "((a{100}){100}){100}"],
    ["empty items repeated without end", "(?:(?:){65535}){65535}|(?:(?:|){65535}){65535}"],
  ])("%s is too large", (_, source) => {
    expect(() => matcherOf(source)).toThrow(expect.objectContaining({ code: "tooLarge" }));
  });
});

describe("agreement with the backtracking engine", () => {
  test("says the same about random values", () => {
    fc.assert(
      fc.property(
        regularSources,
        fc.array(shortValues, { minLength: 8, maxLength: 8 }),
        (source, values) => {
          const pattern = parsePattern(source);
          const expression = toRegExp(pattern);
          const matcher = new LinearMatcher(pattern);
          for (const value of values) expect(matcher.test(value)).toBe(expression.test(value));
        },
      ),
      { numRuns: 600 },
    );
  });

  test("says the same when the cache never suffices", () => {
    fc.assert(
      fc.property(
        regularSources,
        fc.array(shortValues, { minLength: 4, maxLength: 4 }),
        (source, values) => {
          const pattern = parsePattern(source);
          const expression = toRegExp(pattern);
          const matcher = new LinearMatcher(pattern, TINY_CACHE_BYTES);
          const value = values.join("");
          expect(matcher.test(value)).toBe(expression.test(value));
          expect(matcher.find(value)?.start).toBe(expression.exec(value)?.index);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("finds the leftmost match and its longest end", () => {
    fc.assert(
      fc.property(regularSources, shortValues, (source, value) => {
        const pattern = parsePattern(source);
        const found = new LinearMatcher(pattern).find(value);
        const start = toRegExp(pattern).exec(value)?.index;
        expect(found?.start).toBe(start);
        if (found && start !== undefined) expect(found.end).toBe(longestEnd(pattern, value, start));
      }),
      { numRuns: 120 },
    );
  });
});

/** The last place where a match from the start can end, found by asking for each. */
function longestEnd(pattern: Parameters<typeof toRegExp>[0], value: string, start: number): number {
  for (let end = value.length; end >= start; end--) {
    const rest = `(?=[^]{${value.length - end}}$)`;
    const expression = new RegExp(`(?:${toJavaScript(pattern).source})${rest}`, "y");
    expression.lastIndex = start;
    if (expression.test(value)) return end;
  }
  return -1;
}

describe("cost", () => {
  // Cubic for a backtracking engine: each newline may end the first, the second or the third repeat.
  const CUBIC = "[\\n\\r]+\\s*[^\\n]*(?:\\s+|location:)\\s*:\\s*x";

  test("a pattern that is cubic elsewhere reads each newline once", () => {
    const matcher = matcherOf(CUBIC);
    const value = "\n".repeat(4_000);
    expect(matcher.test(value)).toBe(false);
    expect(matcher.cost.bytesRead).toBe(4_000);
    expect(matcher.cost.visits).toBeLessThan(40 * matcher.size);
  });

  test("without a cache each byte visits each instruction no more than a few times", () => {
    const matcher = matcherOf(CUBIC, 0);
    matcher.test("\n".repeat(1_000));
    expect(matcher.cost.simulations).toBe(1);
    expect(matcher.cost.visits).toBeLessThan(1_000 * 3 * matcher.size);
  });

  test("a pattern with exponentially many states stays within its memory and stays right", () => {
    const matcher = matcherOf("a[ab]{14}c", 60_000);
    const word = "abbabaaabbbabab".repeat(200);
    expect(matcher.test(word)).toBe(false);
    let seed = 1;
    const noise = Array.from({ length: 20_000 }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed >>> 31 === 0 ? "a" : "b";
    });
    expect(matcher.test(noise.join(""))).toBe(false);
    expect(matcher.test(`${noise.join("")}abbbbbbbbbbbbbbc`)).toBe(true);
    expect(matcher.cost.resets + matcher.cost.simulations).toBeGreaterThan(0);
  });

  test("an anchored pattern that has failed reads no further", () => {
    const matcher = matcherOf("^GET ");
    expect(matcher.test(`POST ${"x".repeat(100_000)}`)).toBe(false);
    expect(matcher.cost.bytesRead).toBeLessThan(10);
  });
});
