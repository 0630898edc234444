import { describe, expect, test } from "vitest";
import { parsePattern } from "./parse-pattern.ts";
import { PatternRefused } from "./pattern-tree.ts";

describe("refusing", () => {
  const rows: [title: string, source: string, code: string, position: number][] = [
    ["a parenthesis without an end", "a(b", "syntax", 1],
    ["a parenthesis that closes nothing", "ab)", "syntax", 2],
    ["a class without an end", "a[b", "syntax", 1],
    ["a range that runs backwards", "[z-a]", "syntax", 1],
    ["nothing to repeat", "a|*", "syntax", 2],
    ["a count of nothing", "{2}", "syntax", 0],
    ["counts out of order", "a{3,2}", "syntax", 1],
    ["a count beyond PCRE's", "a{70000}", "syntax", 1],
    ["an escape at the end", "a\\", "syntax", 2],
    ["an unknown letter escape", "\\y", "syntax", 0],
    ["an escape of JavaScript", "\\u0041", "syntax", 0],
    ["a byte above 0xff", "\\x{100}", "syntax", 0],
    ["an octal byte above 0xff", "\\777", "syntax", 0],
    ["a hexadecimal escape without digits", "\\xg", "syntax", 0],
    ["braces without an end", "\\x{41", "syntax", 0],
    ["a named class nobody knows", "[[:nope:]]", "syntax", 1],
    ["a reference to no group", "(a)\\2", "syntax", 3],
    ["a reference to group zero", "(a)\\g{0}", "syntax", 3],
    ["a name before its group", "\\k<x>(?<x>a)", "syntax", 0],
    ["a name given twice", "(?<x>a)(?<x>b)", "syntax", 7],
    ["an ambiguous reference", `${"(?:a)".repeat(11)}\\11`, "unsupported", 55],
    ["Unicode properties", "\\pL", "unsupported", 0],
    ["recursion", "a(?R)", "unsupported", 1],
    ["a condition", "(a)(?(1)b)", "unsupported", 3],
    ["a branch reset", "(?|a|b)", "unsupported", 0],
    ["a verb", "(*ACCEPT)", "unsupported", 0],
    ["a flag nobody needs", "(?U)a", "unsupported", 0],
    ["a match that begins later", "a\\Kb", "unsupported", 1],
    ["collating elements", "[[.x.]]", "unsupported", 1],
    ["groups too deep", "(".repeat(300) + ")".repeat(300), "tooLarge", 200],
    ["quantifiers without end", `a${"{1}".repeat(300)}`, "tooLarge", 601],
    ["a pattern too long", "a".repeat(70_000), "tooLarge", 0],
    ["characters that are no bytes", "\u20ac", "syntax", 0],
  ];
  test.each(rows)("names the place of %s", (_, source, code, position) => {
    const parse = () => parsePattern(source);
    expect(parse).toThrow(PatternRefused);
    expect(parse).toThrow(expect.objectContaining({ code, position }));
  });
});

test("counts captures, not other groups", () => {
  expect(parsePattern("(a)(?:b)(?=c)(?>d)(e(f))").captureCount).toBe(3);
});

test("a pattern of nothing is a pattern", () => {
  expect(parsePattern("").root).toEqual({ kind: "empty" });
  expect(parsePattern("(?i)").root).toEqual({ kind: "empty" });
});
