import { describe, expect, test } from "vitest";
import {
  ANY_LENGTH_BYTES,
  analysePattern,
  byteSetsOf,
  type PatternFacts,
} from "./pattern-facts.ts";

describe("what is known of a pattern", () => {
  const rows: [title: string, source: string, facts: Partial<PatternFacts>][] = [
    [
      "plain text is safe at any length",
      "union select",
      { linear: "exact", risk: "safe", backtrackingLimitBytes: ANY_LENGTH_BYTES },
    ],
    ["a quadratic one is bounded", "\\d+x", { risk: "bounded", backtrackingLimitBytes: 128 }],
    [
      "a cubic one is bounded to little",
      "\\s*[^;]*\\s*x",
      { risk: "bounded", backtrackingLimitBytes: 16 },
    ],
    ["one of a high degree never backtracks", "a*a*a*a*a*b", { risk: "never" }],
    ["an exponential one never backtracks", "(?:a|a)*b", { risk: "never", linear: "exact" }],
    [
      "an exponential one that no automaton decides backtracks a little",
      "(?:a|a)*(?=b)",
      { risk: "bounded", linear: "superset", backtrackingLimitBytes: 24 },
    ],
    [
      "one that no automaton decides is counted: it may be better than it looks",
      "[\\s(]*?\\b(\\w+)\\b[\\s(]*?(?:like|=)[\\s(]*?\\1\\b",
      { risk: "bounded", linear: "superset", backtrackingLimitBytes: 2_048 },
    ],
    ["a safe one needs no automaton", "<\\?(?!xml)", { risk: "safe", linear: "superset" }],
    ["a possessive run of bytes is regular", "^\\s*+;", { linear: "exact" }],
    ["a large count leaves nothing but backtracking", "a{60000}", { linear: "none" }],
  ];
  test.each(rows)("%s", (_, source, facts) => {
    expect(analysePattern(source)).toMatchObject(facts);
  });

  test("holds literals, sets of bytes and the translation", () => {
    const facts = analysePattern("(?i)(select)\\s*[(]");
    expect(facts.javaScript.groups).toEqual([0, 1]);
    expect(facts.required?.literals).toContain("select");
    const [set] = byteSetsOf(facts);
    expect(set?.bytes()).toEqual([0x28]);
  });

  test("numbers groups as the pattern does, not as the translation must", () => {
    const { source, groups } = analysePattern("(?>a)(b)(c)\\2").javaScript;
    const match = new RegExp(source).exec("abcc");
    expect(groups.map((group) => match?.[group])).toEqual(["abcc", "b", "c"]);
  });

  test("survives JSON", () => {
    for (const source of ["(?i)a+\\s*(b|c)$", "x", "\\xff[^\\x80-\\x90]", "(a)\\1{2,}"]) {
      const facts = analysePattern(source);
      const again = JSON.parse(JSON.stringify(facts)) as PatternFacts;
      expect(again).toEqual(facts);
      expect(byteSetsOf(again).map(String)).toEqual(byteSetsOf(facts).map(String));
    }
  });

  test.each([
    ["a group without end", "(a", "syntax"],
    ["recursion", "(a(?R)?)", "unsupported"],
    ["a Unicode property", "\\p{L}", "unsupported"],
  ])("%s is refused", (_, source, code) => {
    expect(() => analysePattern(source)).toThrow(expect.objectContaining({ code }));
  });
});
