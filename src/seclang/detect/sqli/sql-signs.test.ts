/** What is dismissed at a look is no attack when it is read, in whatever place it is put. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAttackShape } from "./attack-shapes.ts";
import { foldTokens } from "./fold-tokens.ts";
import { hasSqlSigns } from "./sql-signs.ts";
import { COMPARISONS, FUNCTIONS, PHRASES, STACKED_WORDS, WORDS } from "./sql-words.ts";

function isAttack(value: string): boolean {
  return (["", "'", '"'] as const).some((quote) =>
    (["ansi", "mysql"] as const).some((comments) => {
      const { fingerprint, endsInLittleComment } = foldTokens(value, { quote, comments });
      return isAttackShape(fingerprint, { isQuoted: quote !== "", endsInLittleComment });
    }),
  );
}

const words = [WORDS, PHRASES, FUNCTIONS, STACKED_WORDS, COMPARISONS].flatMap((table) => [
  ...table.keys(),
]);
const piece = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(...words.map((word) => word.toUpperCase())),
  fc.constantFrom(...Array.from(" \t\n.,;:+-*/%^~|&=<>!?#@$_`'\"\\()[]{}\xa0\xe9\x00")),
  fc.constantFrom("0x", "0xa", "1e5", "0b1", "\\n", "--", "/*", "*/", "||", "&&", "<=>", "@@v"),
  fc.constantFrom("a", "x1", "_or", "1or", "or1", "a.or", "or.1", "é", "7", "2.", ".5"),
);
const value = fc
  .array(fc.tuple(piece, fc.constantFrom("", "", " ")), { maxLength: 9 })
  .map((pieces) => pieces.flat().join(""));

describe("a look for signs of SQL", () => {
  test("dismisses nothing that would be found", () => {
    fc.assert(
      fc.property(value, (text) => {
        expect(isAttack(text) && !hasSqlSigns(text)).toBe(false);
      }),
      { numRuns: 100_000 },
    );
  });

  const marks = ["1", "0xor", "1and", "$or", "a", "=", "<", ">", ".", ",", "@", "{", "}", "`"];
  const keywords = [...WORDS].flatMap(([word, kind]) => (kind === "k" ? [word] : []));
  test.each([
    ["words and numbers", [...words.flatMap((word) => word.split(" ")), ...marks]],
    ["the rest of a statement", [...keywords, ...COMPARISONS, "1", "2", "a", "null"]],
  ])("dismisses nothing that would be found in %s", (_name, pieces) => {
    const text = fc
      .array(fc.tuple(fc.constantFrom(...pieces), fc.constantFrom("", " ", " ")), {
        minLength: 1,
        maxLength: 7,
      })
      .map((drawn) => drawn.flat().join(""));
    fc.assert(
      fc.property(text, (drawn) => {
        expect(isAttack(drawn) && !hasSqlSigns(drawn)).toBe(false);
      }),
      { numRuns: 100_000 },
    );
  });

  test.each([
    ["a word", "premium"],
    ["words", "month to month"],
    ["a number", "12.50"],
    ["a date", "2026-11-22"],
    ["an address", "anna.lee@mail.example.org"],
    ["a path", "/churn/v2/predict"],
    ["a telephone number", "+41 79 123456"],
    ["a name with a keyword in it", "order_1 and_2 forlorn"],
    ["one keyword and a comparison", "from a = b"],
  ])("dismisses %s", (_name, text) => {
    expect(hasSqlSigns(text)).toBe(false);
  });
});
