/** Random patterns that PCRE and JavaScript spell alike, and short values they are likely to match; only for tests. */
import * as fc from "fast-check";

const ATOMS = [
  ..."abcAK_1-".split(""),
  "\\n",
  "\\xe9",
  " ",
  ".",
  "\\w",
  "\\W",
  "\\d",
  "[ab]",
  "[a-cK]",
  "[^a\\n]",
  "[^\\w-]",
];
const ANCHORS = ["^", "$", "\\b", "\\B"];
const QUANTIFIERS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,3}?", "{2,}", "{0}"];

const atom = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...ATOMS) },
  { weight: 1, arbitrary: fc.constantFrom(...ANCHORS) },
);

const { pattern } = fc.letrec<{ pattern: string; sequence: string; term: string }>((tie) => ({
  pattern: fc.array(tie("sequence"), { minLength: 1, maxLength: 3 }).map((all) => all.join("|")),
  sequence: fc.array(tie("term"), { maxLength: 4 }).map((all) => all.join("")),
  term: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    atom,
    fc
      .tuple(atom, fc.constantFrom(...QUANTIFIERS))
      .map(([item, quantifier]) => `(?:${item})${quantifier}`),
    tie("pattern").map((inner) => `(${inner})`),
    fc
      .tuple(tie("pattern"), fc.constantFrom(...QUANTIFIERS))
      .map(([inner, quantifier]) => `(?:${inner})${quantifier}`),
  ),
}));

/** Sources of regular patterns without flags of their own; `.` takes newlines in the reading of SecLang. */
export const regularSources: fc.Arbitrary<string> = pattern;

/** Values short enough that no pattern above explodes under backtracking. */
export const shortValues: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(..."abcAkK_1- \n\xe9".split("")), { maxLength: 9 })
  .map((characters) => characters.join(""));
