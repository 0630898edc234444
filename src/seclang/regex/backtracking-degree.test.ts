import { describe, expect, test } from "vitest";
import { backtrackingDegree } from "./backtracking-degree.ts";
import { parsePattern } from "./parse-pattern.ts";

const degreeOf = (source: string) => backtrackingDegree(parsePattern(source));

describe("the degree of backtracking", () => {
  test.each<[title: string, source: string, degree: number]>([
    ["plain text is linear", "select|union", 1],
    ["an anchored loop with a clear end is linear", "^[a-z]*=", 1],
    ["a loop that may begin anywhere is quadratic", "[a-z]*=", 2],
    ["rounds that begin clearly are as one loop", "(?:,[a-z]*)*;", 2],
    ["alternatives that begin differently are as one loop", "(?:ab|cd)*;", 2],
    ["two neighbours that take the same bytes are cubic", "\\s*\\s*x", 3],
    ["neighbours with an optional part between are, too", "\\s*a?\\s+x", 3],
    ["an anchor takes one degree away", "^\\s*\\s*x", 2],
    ["a clear option costs nothing", "ab?c", 1],
    ["thirty unclear options make a high degree", `${"a?".repeat(30)}b`, 16],
    ["thirty unclear alternatives do, too", `${"(?:a|aa)".repeat(30)}b`, 16],
    ["a large count of one thing is plain text", "a{200}ab", 1],
    ["a large count is a loop", "a{1,200}a{1,200}b", 3],
  ])("%s", (_, source, degree) => {
    expect(degreeOf(source)).toBe(degree);
  });

  test.each([
    ["a loop of loops", "(a+)+b"],
    ["a loop of what may be empty in loops", "(?:a*)*b"],
    ["alternatives that begin alike in a loop", "(?:a|ab|b)*c"],
    ["an optional part that equals what follows in a loop", "(?:a?a)*b"],
    ["rounds that may be told apart in two ways", "(?:a|b|ab)+$"],
    ["two ways to be empty in a loop", "(?:(?:a?|b?)c)*d"],
    ["two loops side by side in a loop", "(?:x[ab]*b*)*y"],
    ["a counted loop in a loop", "(?:a{1,3})*b"],
    ["a fixed count of what can be told apart in two ways", "(?:a|aa){50}b"],
    ["a look-around in a loop", "(?:a(?=.*b))*c"],
  ])("%s may be exponential", (_, source) => {
    expect(degreeOf(source)).toBe(Infinity);
  });
});
