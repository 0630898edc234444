/** The finder finds what a naive search finds, be a literal one of the automaton's or a single byte. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ByteString } from "../byte-string.ts";
import { buildFullTable } from "./full-table.ts";
import { FoundLiterals, LiteralFinder } from "./literal-finder.ts";

const lower = (text: ByteString): ByteString =>
  text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

const bytesOf = (codes: readonly number[], length: { min: number; max: number }) =>
  fc
    .array(fc.constantFrom(...codes), { minLength: length.min, maxLength: length.max })
    .map((bytes) => String.fromCharCode(...bytes));

const FEW_BYTES = [0x41, 0x61, 0x62, 0x00, 0xff];
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);

test.each([
  ["few bytes, so that literals overlap and contain each other", FEW_BYTES, 5],
  ["single bytes, more than there are bits", ALL_BYTES, 1],
  ["all bytes", ALL_BYTES, 3],
])(
  "each literal is found once, also from kept tables and after another value (%s)",
  (_, codes, max) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(bytesOf(codes, { min: 1, max }), { maxLength: 80, selector: lower }),
        fc.array(bytesOf(codes, { min: 0, max: 60 }), { maxLength: 3 }),
        (literals, values) => {
          const built = new LiteralFinder(literals);
          const finder = new LiteralFinder(literals, structuredClone(built.tables));
          expect(finder.memoryBytes).toBe(built.memoryBytes);
          const found = new FoundLiterals(finder);
          for (const value of values) {
            const expected = literals.flatMap((literal, id) =>
              lower(value).includes(lower(literal)) ? [id] : [],
            );
            finder.collect(value, found);
            const ids = Array.from(found.ids.subarray(0, found.count));
            expect(ids.sort((one, other) => one - other)).toEqual(expected);
            found.clear();
          }
        },
      ),
    );
  },
);

/** Three letters number the word, so that no two words share more states than those. */
const letter = (at: number, place: number): string =>
  String.fromCharCode(97 + ((place < 3 ? Math.floor(at / 26 ** place) : at + place * place) % 26));
const wordsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, at) =>
    Array.from({ length: 26 }, (__, place) => letter(at, place)).join(""),
  );

test.each([
  ["with a table of all states", 400, true],
  ["with too many states for that", 3_000, false],
])("long literals are found where they are (%s)", (_, count, hasTable) => {
  const words = wordsOf(count);
  const finder = new LiteralFinder(words);
  expect(finder.tables.stateCount).toBeGreaterThan(4_096);
  expect(buildFullTable(finder.tables) !== undefined).toBe(hasTable);
  const found = new FoundLiterals(finder);
  for (const [at, word] of words.slice(0, 50).entries()) {
    finder.collect(`x${word.slice(2)}${word.slice(0, 9)}${word.toUpperCase()}-`, found);
    expect(Array.from(found.ids.subarray(0, found.count))).toEqual([at]);
    found.clear();
  }
});

test("no literal is empty, and tables of other literals are not taken", () => {
  expect(() => new LiteralFinder(["a", ""])).toThrow(RangeError);
  const { tables } = new LiteralFinder(["ab", "cd"]);
  expect(() => new LiteralFinder(["ab", "c"], tables)).toThrow(RangeError);
});
