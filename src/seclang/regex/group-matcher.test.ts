import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GroupMatcher } from "./group-matcher.ts";
import { parsePattern } from "./parse-pattern.ts";
import { childrenOf, type PatternNode } from "./pattern-tree.ts";
import { widthOf } from "./pattern-width.ts";
import { regularSources, shortValues } from "./random-patterns.test-support.ts";
import { toRegExp } from "./to-javascript.ts";

const whole = (value: string) => ({ start: 0, end: value.length });

describe("finding groups", () => {
  const rows: [title: string, source: string, value: string, places: number[]][] = [
    ["the first alternative that works, not the longest", "a|ab", "xab", [1, 2]],
    ["greedy and lazy repeats", "(a*)(a*?)(b)", "aab", [0, 3, 0, 2, 2, 2, 2, 3]],
    ["a lazy repeat that must go on", "<(.+?)>", "<a><b>", [0, 3, 1, 2]],
    ["a group that took no part", "(a)|(b)", "b", [0, 1, -1, -1, 0, 1]],
    ["what a failed attempt had set", "(?:(a)x|ab)", "ab", [0, 2, -1, -1]],
    [
      "the last round's text, and an earlier round's in another group",
      "(?:(a)|(b))+",
      "ab",
      [0, 2, 0, 1, 1, 2],
    ],
    ["anchors and words", "^(\\w+)\\b.*$", "ab c", [0, 4, 0, 2]],
    ["a possessive run of bytes", "(\\s*+)(;)", "  ;", [0, 3, 0, 2, 2, 3]],
    ["a byte that must not follow", "(a)(?!b)", "abac", [2, 3, 2, 3]],
  ];
  test.each(rows)("finds %s", (_, source, value, places) => {
    expect(new GroupMatcher(parsePattern(source)).match(value, whole(value))).toEqual(places);
  });

  test("a possessive run gives nothing back", () => {
    expect(new GroupMatcher(parsePattern("a++a")).match("aaa", whole("aaa"))).toBeUndefined();
  });

  test("knows what stands around its window", () => {
    const matcher = new GroupMatcher(parsePattern("^b|\\bb|b$|b"));
    expect(matcher.match("abc", { start: 1, end: 2 })).toEqual([1, 2]);
    expect(
      new GroupMatcher(parsePattern("^b|\\bb|b$")).match("abc", { start: 1, end: 2 }),
    ).toBeUndefined();
  });

  test("gives up on more than it may visit", () => {
    const value = "a".repeat(3_000_000);
    expect(new GroupMatcher(parsePattern("(a+)b")).match(value, whole(value))).toBe("tooLarge");
  });

  test("visits each place with each instruction once at most", () => {
    const matcher = new GroupMatcher(parsePattern("(?:(a|a)*)*(\\s+\\s+)*b"));
    const value = "a \n".repeat(500);
    expect(matcher.match(value, whole(value))).toBeUndefined();
    expect(matcher.visits).toBeLessThan(value.length * 30);
  });
});

describe("agreement with the backtracking engine", () => {
  test("matches at the same place with the same end", () => {
    fc.assert(
      fc.property(regularSources, shortValues, (source, value) => {
        const pattern = parsePattern(source);
        const match = toRegExp(pattern).exec(value);
        const found = new GroupMatcher(pattern).match(value, whole(value));
        expect(typeof found === "string" ? found : found?.[0]).toBe(match?.index);
        if (hasRepeatedEmptiness(pattern.root)) return;
        if (match) expect(found?.[1]).toBe(match.index + match[0].length);
      }),
      { numRuns: 500 },
    );
  });
});

/** Rounds that take nothing end a loop at once in JavaScript, elsewhere only after the round: ends may differ. */
function hasRepeatedEmptiness(node: PatternNode): boolean {
  if (node.kind === "repeat" && widthOf(node.item).min === 0) return true;
  return childrenOf(node).some(hasRepeatedEmptiness);
}
