/** The automaton finds what a naive search finds: every occurrence, and nothing else. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ByteString } from "../byte-string.ts";
import { AhoCorasick } from "./aho-corasick.ts";

const lower = (text: ByteString): ByteString =>
  text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function everyOccurrence(literals: readonly ByteString[], value: ByteString): string[] {
  const found: string[] = [];
  for (let end = 1; end <= value.length; end += 1) {
    for (const [id, literal] of literals.entries()) {
      if (value.slice(0, end).endsWith(literal)) found.push(`${id}@${end}`);
    }
  }
  return found.sort();
}

function scanned(automaton: AhoCorasick, value: ByteString): string[] {
  const found: string[] = [];
  automaton.scan(value, (id, end) => found.push(`${id}@${end}`));
  return found.sort();
}

const bytesOf = (codes: readonly number[], length: { min: number; max: number }) =>
  fc
    .array(fc.constantFrom(...codes), { minLength: length.min, maxLength: length.max })
    .map((bytes) => String.fromCharCode(...bytes));

const FEW_BYTES = [0x41, 0x61, 0x62, 0x00, 0xff];
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);

test.each([
  ["few bytes, so that literals overlap and contain each other", FEW_BYTES],
  ["all bytes", ALL_BYTES],
])("scan reports what a naive search finds (%s)", (_, codes) => {
  fc.assert(
    fc.property(
      fc.array(bytesOf(codes, { min: 1, max: 5 }), { maxLength: 40 }),
      bytesOf(codes, { min: 0, max: 60 }),
      (literals, value) => {
        expect(scanned(new AhoCorasick(literals), value)).toEqual(everyOccurrence(literals, value));
        expect(scanned(new AhoCorasick(literals, { ignoreCase: true }), value)).toEqual(
          everyOccurrence(literals.map(lower), lower(value)),
        );
      },
    ),
  );
});

test("the first match is the one that ends first, the longest of those, and test agrees", () => {
  fc.assert(
    fc.property(
      fc.array(bytesOf(FEW_BYTES, { min: 1, max: 5 }), { maxLength: 20 }),
      bytesOf(FEW_BYTES, { min: 0, max: 40 }),
      (literals, value) => {
        const automaton = new AhoCorasick(literals);
        const first = automaton.firstMatch(value);
        expect(automaton.test(value)).toBe(first !== undefined);
        expect(literals.some((literal) => value.includes(literal))).toBe(first !== undefined);
        if (first === undefined) return;
        const ends = literals.map((literal) => value.indexOf(literal) + literal.length);
        const earliest = Math.min(...ends.filter((_, id) => value.includes(literals[id] ?? "")));
        const longest = Math.max(
          ...literals
            .filter((literal) => value.slice(0, earliest).endsWith(literal))
            .map((literal) => literal.length),
        );
        expect(first.end).toBe(earliest);
        expect(first.end - first.start).toBe(longest);
        expect(value.slice(first.start, first.end)).toBe(literals[first.id]);
      },
    ),
  );
});

/** A fixed sequence (xorshift32), so that a failure can be repeated. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

test("tens of thousands of literals, most of them beyond the full rows, are all found", () => {
  const next = sequence(7);
  const literals = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 4 + (next() % 12) }, () => String.fromCharCode(97 + (next() % 26))).join(
      "",
    ),
  );
  const automaton = new AhoCorasick(literals, { ignoreCase: true });
  expect(automaton.stateCount).toBeGreaterThan(50_000);
  for (let id = 0; id < literals.length; id += 97) {
    const literal = literals[id] ?? "";
    const found = new Set<ByteString>();
    automaton.scan(`..${literal.toUpperCase()}..`, (hit) => found.add(literals[hit] ?? ""));
    expect(found).toContain(literal);
  }
  const prose = literals.slice(0, 300).join("");
  const naive = new Set(literals.filter((literal) => prose.includes(literal)));
  const seen = new Set<ByteString>();
  automaton.scan(prose, (id) => seen.add(literals[id] ?? ""));
  expect(seen).toEqual(naive);
});

test("a literal of a hundred thousand bytes needs no recursion", () => {
  const long = "ab".repeat(50_000);
  const automaton = new AhoCorasick([long, `${long}c`]);
  expect(automaton.test(long.slice(1))).toBe(false);
  expect(automaton.firstMatch(`x${long}c`)).toEqual({ id: 0, start: 1, end: long.length + 1 });
});

test("every literal with the same bytes is reported", () => {
  const automaton = new AhoCorasick(["Ab", "ab", "AB"], { ignoreCase: true });
  expect(scanned(automaton, "aB")).toEqual(["0@2", "1@2", "2@2"]);
});

test("only ASCII letters lose their case", () => {
  const automaton = new AhoCorasick(["\xe4["], { ignoreCase: true });
  expect(automaton.test("\xc4[")).toBe(false);
  expect(automaton.test("\xe4{")).toBe(false);
  expect(automaton.test("\xe4[")).toBe(true);
});

test("no literal matches nothing, an empty literal is refused", () => {
  expect(new AhoCorasick([]).test("anything")).toBe(false);
  expect(() => new AhoCorasick(["a", ""])).toThrow(RangeError);
});

test("the memory of the tables grows with the literals, not with literals times bytes", () => {
  const next = sequence(3);
  const literals = Array.from({ length: 10_000 }, () =>
    Array.from({ length: 10 }, () => String.fromCharCode(32 + (next() % 96))).join(""),
  );
  const automaton = new AhoCorasick(literals);
  expect(automaton.memoryBytes).toBeLessThan(automaton.stateCount * 40);
});
