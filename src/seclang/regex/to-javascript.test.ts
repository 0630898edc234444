import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePattern } from "./parse-pattern.ts";
import { regularSources, shortValues } from "./random-patterns.test-support.ts";
import { toJavaScript, toRegExp } from "./to-javascript.ts";

const expressionOf = (source: string) => toRegExp(parsePattern(source));

describe("what PCRE says", () => {
  const rows: [
    title: string,
    source: string,
    matching: readonly string[],
    other: readonly string[],
  ][] = [
    ["ignores case from the start", "(?i)select", ["SeLecT"], ["selec"]],
    ["ignores case within a group only", "a(?i:b)c", ["aBc"], ["ABc", "abC"]],
    [
      "ignores case to the end of the group, later alternatives included",
      "(a(?i)b|c)d",
      ["aBd", "Cd"],
      ["abD", "ABd"],
    ],
    ["minds case again", "(?i)a(?-i)b", ["Ab"], ["AB"]],
    ["folds ASCII letters only", "(?i)\\xe9K", ["\xe9k"], ["\xc9k"]],
    ["folds before it negates", "(?i)[^a]", ["b"], ["a", "A"]],
    ["takes newlines for any byte", "a.b", ["a\nb", "a\rb"], ["ab"]],
    ["leaves newlines out when told so", "(?-s)a.b", ["axb", "a\rb"], ["a\nb"]],
    ["ends at the very end", "a$", ["ba"], ["a\n"]],
    ["ends before a last newline with \\Z", "a\\Z", ["a", "a\n"], ["a\n\n"]],
    ["begins and ends with \\A and \\z", "\\Aa\\z", ["a"], ["a\n", "\na"]],
    ["knows lines when told so", "(?m)^b$", ["a\nb\nc"], ["a b"]],
    ["sees no line after the last newline", "(?m)b\\n^", ["b\n\n"], ["b\n"]],
    ["knows horizontal white space", "^\\h+$", [" \t\xa0"], ["\n"]],
    ["knows vertical white space, not just one tab", "^\\v+$", ["\n\v\f\r\x85"], [" "]],
    ["takes the vertical tab for white space, not the hard space", "^\\s$", ["\v", " "], ["\xa0"]],
    ["gives nothing back from a possessive repeat", "a++a|b?+b", ["bb"], ["aaa", "b"]],
    ["gives nothing back from an atomic group", "^(?>a|ab)c", ["ac"], ["abc"]],
    ["takes a line end as a whole", "^\\R\\n$", ["\n\n"], ["\r\n"]],
    ["reads bytes in all spellings", "^\\x41\\x{42}\\103\\o{104}\\cA$", ["ABCD\x01"], []],
    ["reads control characters", "^\\a\\e\\f\\n\\r\\t$", ["\x07\x1b\f\n\r\t"], []],
    ["reads named classes", "^[[:alpha:][:digit:]_]+$", ["aZ_9"], ["a-"]],
    ["reads negated named classes", "^[[:^space:]]$", ["a"], [" "]],
    ["takes a bracket for itself at the start of a class", "^[]a]+$", ["]a"], ["["]],
    ["takes a bracket for itself in a negated class", "^[^]a]$", ["["], ["]"]],
    ["takes an open bracket for itself in a class", "^[[a]+$", ["[a"], ["]"]],
    ["takes hyphens at edges for themselves", "^[-a\\w-]+$", ["-a-b"], ["+"]],
    ["takes a backspace in a class", "^[\\b]$", ["\b"], ["b"]],
    ["takes braces that count nothing for themselves", "^a{b}{,2}$", ["a{b}{,2}"], ["a"]],
    ["takes a closing bracket and brace for themselves", "^]}$", ["]}"], []],
    ["quotes", "^\\Qa.b[\\E+$", ["a.b[["], ["axb["]],
    ["ignores space and comments when told so", "(?x) a b # c\n [ ] d", ["ab d"], ["a b d"]],
    ["skips comments", "a(?#not)b", ["ab"], ["anotb"]],
    ["looks ahead and behind", "(?<=a)b(?!c)", ["abd"], ["abc", "bd"]],
    ["refers back", "^(a|b)\\1$", ["aa", "bb"], ["ab"]],
    [
      "refers back by name and relatively",
      "^(?<x>a|b)(?P=x)\\k<x>\\g{-1}\\g1$",
      ["aaaaa"],
      ["aaaab"],
    ],
    ["refers back without case", "(?i)(\\w)=\\1", ["a=A"], ["a=b"]],
    ["refers past atomic groups", "^(?>x)(a|b)y*+\\1$", ["xaya", "xbb"], ["xab"]],
    ["stacks quantifiers", "^(?:a{2}{2})$", ["aaaa"], ["aa"]],
    ["repeats anchors", "^(?:^)*a\\b?$", ["a"], []],
  ];
  test.each(rows)("%s", (_, source, matching, other) => {
    const expression = expressionOf(source);
    for (const value of matching)
      expect(expression.test(value), `${source} on ${value}`).toBe(true);
    for (const value of other) expect(expression.test(value), `${source} on ${value}`).toBe(false);
  });
});

describe("groups", () => {
  test("keep their numbers through the map when atomic groups come between", () => {
    const pattern = parsePattern("(?>a+)(b)(?:c++(d))");
    const { groups } = toJavaScript(pattern);
    const found = toRegExp(pattern).exec("aabccd");
    expect(groups.map((group) => found?.[group])).toEqual(["aabccd", "b", "d"]);
  });

  test("have names", () => {
    const pattern = parsePattern("(?<first>a)(?P<second>b)(?'third'c)");
    expect([...pattern.captureNames]).toEqual([
      ["first", 1],
      ["second", 2],
      ["third", 3],
    ]);
  });
});

test.each([
  ["a case-insensitive reference where case matters elsewhere", "a(?i)(b)\\1"],
  ["an atomic group looking behind", "(?<=a++)b"],
])("refuses %s", (_, source) => {
  expect(() => expressionOf(source)).toThrow(expect.objectContaining({ code: "unsupported" }));
});

test("means what JavaScript means where both are spelled alike", () => {
  fc.assert(
    fc.property(
      regularSources,
      fc.boolean(),
      fc.array(shortValues, { minLength: 5, maxLength: 5 }),
      (source, ignoresCase, values) => {
        const own = expressionOf(ignoresCase ? `(?i)${source}` : source);
        const native = new RegExp(source, ignoresCase ? "si" : "s");
        for (const value of values) {
          expect(own.exec(value)?.slice()).toEqual(native.exec(value)?.slice());
        }
      },
    ),
    { numRuns: 600 },
  );
});
