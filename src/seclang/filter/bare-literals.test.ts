/** Bare literals: whatever a pattern matches holds one of them once the marks are gone. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parsePattern } from "../regex/parse-pattern.ts";
import { regularSources } from "../regex/random-patterns.test-support.ts";
import { toRegExp } from "../regex/to-javascript.ts";
import { bare, bareLiterals } from "./bare-literals.ts";

const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

test("a command with tricks in it has the plain command for its literal", () => {
  const pattern = parsePattern(String.raw`(?i)(?:^|=)b["')\[\\]*(?:\$[a-z]*)?\\?u["')\[\\]*sy`);
  expect(bareLiterals(pattern)).toEqual(["busy"]);
  expect(bare(String.raw`x="b'u"\sy`)).toBe("x=busy");
  expect(bare("busy")).toBe("busy");
});

test("a pattern with literals of its own that are as rare has no others", () => {
  expect(bareLiterals(parsePattern("union select"))).toBeUndefined();
  expect(bareLiterals(parsePattern("a*"))).toBeUndefined();
});

/** Random patterns are made of few letters; marks come in by putting them for one of these. */
const marked = (source: string): string => source.replaceAll("b", "['\"]").replaceAll("c", "\\$");

const values = fc
  .array(fc.constantFrom(..."aAbBcC'\"\\^()[]$ -_0\n\xe9".split("")), { maxLength: 14 })
  .map((parts) => parts.join(""));

test.each([
  ["as they are", (source: string) => source],
  ["with marks in them", marked],
])("no match of a random pattern is without one (%s)", (_, change) => {
  fc.assert(
    fc.property(
      regularSources,
      fc.array(values, { minLength: 20, maxLength: 20 }),
      (source, all) => {
        let pattern;
        try {
          pattern = parsePattern(change(source));
        } catch {
          return;
        }
        const literals = bareLiterals(pattern);
        if (literals === undefined) return;
        const expression = toRegExp(pattern);
        for (const value of all.filter((each) => !each.includes("$") && expression.test(each))) {
          const bareValue = lower(bare(value));
          expect(literals.some((literal) => bareValue.includes(literal))).toBe(true);
        }
      },
    ),
    { numRuns: 1500 },
  );
});

test("however a command is marked, the pattern that sees through it is not without one", () => {
  const gap = String.raw`["')\[\\^]*`;
  const pattern = parsePattern(
    `(?i)(?:^|[=;])(?:${["b", "u", "s", "y"].join(gap)}|${["l", "s"].join(gap)}\\s)`,
  );
  const expression = toRegExp(pattern);
  const literals = bareLiterals(pattern) ?? [];
  expect(literals.length).toBeGreaterThan(0);
  const marks = fc.array(fc.constantFrom(..."\"')[\\^".split("")), { maxLength: 3 });
  const command = fc.constantFrom("busy", "BUSY", "ls ", "Ls\t");
  fc.assert(
    fc.property(command, fc.array(marks, { minLength: 4, maxLength: 4 }), (word, gaps) => {
      const inner = Array.from(word.trimEnd()).map(
        (letter, at) => (at === 0 ? "" : (gaps[at] ?? []).join("")) + letter,
      );
      const value = `x;${inner.join("")}${word.slice(word.trimEnd().length)}`;
      expect(expression.test(value)).toBe(true);
      expect(literals.some((literal) => lower(bare(value)).includes(literal))).toBe(true);
    }),
  );
});
