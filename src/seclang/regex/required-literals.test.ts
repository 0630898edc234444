import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePattern } from "./parse-pattern.ts";
import { regularSources, shortValues } from "./random-patterns.test-support.ts";
import { requiredBytes } from "./required-bytes.ts";
import { requiredLiterals } from "./required-literals.ts";
import { toRegExp } from "./to-javascript.ts";

const literalsOf = (source: string) =>
  requiredLiterals(parsePattern(source))?.literals.toSorted((a, b) => (a < b ? -1 : 1));

describe("literals", () => {
  test.each<[title: string, source: string, literals: readonly string[] | undefined]>([
    ["of plain text", "select", ["select"]],
    ["in lower case", "(?i)SeLect", ["select"]],
    ["of each alternative", "union|select", ["select", "union"]],
    [
      "multiplied with what follows",
      "(?:un|se)lect[xy]",
      ["selectx", "selecty", "unlectx", "unlecty"],
    ],
    ["of the rarer part", "a.*jndi:.*b", ["jndi:"]],
    ["without what may be missing", "ab?cq", ["abcq", "acq"]],
    ["of what repeats at least once", "(?:xyz)+", ["xyz"]],
    ["written out when the count is fixed", "(?:xq){2}", ["xqxq"]],
    ["without those that contain another", "etc|/etc/passwd", ["etc"]],
    ["looking ahead", ".*(?=zz)", ["zz"]],
    ["of a value's bytes", "(?i)\\xc3\\xa4Z", ["\xc3\xa4z"]],
    ["none when one alternative has none", "select|\\w+", undefined],
    ["none when all may be missing", "(?:select)*", undefined],
    ["none of what must not follow", ".(?!select)", undefined],
    ["none of a reference", "(.)\\1", undefined],
    ["none of what never matches", "[^\\x00-\\xff]", undefined],
    ["none that every value contains", "[a-z ]", undefined],
  ])("%s", (_, source, literals) => {
    expect(literalsOf(source)).toEqual(literals);
  });

  test("stay few when many parts would multiply", () => {
    const found = requiredLiterals(
      parsePattern("[abc][abc][abc][abc][abc][abc][abc][abc]<[abc]{9}"),
    );
    expect(found?.literals.length).toBeLessThan(600);
  });
});

describe("soundness", () => {
  const options = { numRuns: 1_000 };
  const values = fc.array(shortValues, { minLength: 10, maxLength: 10 });
  const cased = fc
    .tuple(regularSources, fc.boolean())
    .map(([source, i]) => (i ? `(?i)${source}` : source));

  test("whatever matches contains one of the literals and of each byte set", () => {
    let matches = 0;
    fc.assert(
      fc.property(cased, values, (source, all) => {
        const pattern = parsePattern(source);
        const literals = requiredLiterals(pattern)?.literals;
        const sets = requiredBytes(pattern);
        const expression = toRegExp(pattern);
        for (const value of all.filter((one) => expression.test(one))) {
          matches++;
          const lower = value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
          expect(literals?.some((literal) => lower.includes(literal)) ?? true).toBe(true);
          for (const set of sets) {
            expect(value.split("").some((one) => set.has(one.charCodeAt(0)))).toBe(true);
          }
        }
      }),
      options,
    );
    expect(matches).toBeGreaterThan(100);
  });

  test("holds for values made to match", () => {
    // Values are the pieces of the pattern itself, so that long literals are met, too.
    const pieces = fc.array(fc.constantFrom("ab", "KZ", "k", "<x>", "q1", "\n", "\xe9"), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        pieces,
        pieces,
        fc.constantFrom("", "?", "+", "{2}", ".*"),
        (one, two, middle) => {
          const source = `(?:${one.join("|")})${middle}(?:${two.join("|")})${two.join("")}`;
          const value = `${one[0]}${one[0]}${two.at(-1)}${two.join("")}`;
          const pattern = parsePattern(source);
          const lower = value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
          const literals = requiredLiterals(pattern)?.literals ?? [""];
          if (!toRegExp(pattern).test(value)) return;
          expect(literals.some((literal) => lower.includes(literal))).toBe(true);
        },
      ),
      options,
    );
  });
});

describe("byte sets", () => {
  test("name the rarest first", () => {
    const sets = requiredBytes(parsePattern("[\"']\\s*\\(\\w+"));
    expect(sets.map((set) => String.fromCharCode(...set.bytes()))).toEqual(["(", "\"'"]);
  });

  test("join alternatives to one set", () => {
    const [set] = requiredBytes(parsePattern("a<|>b"));
    expect(set?.bytes()).toEqual([0x3c, 0x3e]);
  });
});
