/** The linear matcher must agree with the engine's RegExp on every text, and never take its time. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LinearPattern } from "./linear-pattern.ts";
import { PatternRefused } from "./pattern-program.ts";

const cpuMs = (work: () => void): number => {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
};

/**
 * What the engine's own RegExp says. WHY the alternative that never matches: V8 14.6 (Node 26) looks for a pattern of fixed
 * length that ends in `$` only at the text's end, counted in UTF-16 units, and misses characters beyond U+FFFF there:
 * `/[^a][^a]$/u` does not match U+1D11E followed by "b". With the alternative it looks everywhere.
 */
function engineSays(source: string, text: string): boolean {
  return new RegExp(`(?:${source})|(?!)`, "u").test(text);
}

describe("agrees with RegExp", () => {
  const TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "aab",
    "abc",
    "-",
    "a-b",
    "2026-01-31",
    "é",
    "𝄞",
    "a𝄞b",
    "a\nb",
    "x".repeat(40),
    "\u2028",
    "A",
    "foo bar",
    "a1_",
    "{}",
    "a]b",
    "/",
  ];
  test.each([
    ["a literal anywhere", "b"],
    ["a literal at the start", "^a"],
    ["a literal at the end", "b$"],
    ["the whole text", "^ab$"],
    ["nothing but the empty text", "^$"],
    ["the empty pattern", ""],
    ["only a start", "^"],
    ["only an end", "$"],
    ["an end before a start", "$^"],
    ["an impossible start", "a^b"],
    ["alternatives with and without anchors", "^a|b$|^$"],
    ["an empty alternative", "^(?:a|)$"],
    ["star, plus and optional", "^a*b+c?$"],
    ["lazy quantifiers", "^a*?b+?c??$"],
    ["counted", "^a{2}b{1,}$"],
    ["counted with bounds", "^[a-z]{1,3}$"],
    ["nothing counted a billion times", "^(?:){1000000000}a"],
    ["counted to nothing", "^a{0}b$"],
    ["a star inside a star", "^(a*)*$"],
    ["separated repetition", "^[a-z]+(?:-[a-z]+)*$"],
    ["a date", "^\\d{4}-\\d{2}-\\d{2}$"],
    ["classes of words, spaces and their opposites", "^\\w\\W\\S\\s?$"],
    ["a named group", "^(?<first>a)(b)$"],
    ["a class with brackets and escapes", "^[^\\]\\\\a-c{}]+$"],
    ["the dot, which is no line break", "^.+$"],
    ["an astral character is one", "^.$"],
    ["an astral class", "[𝄞-𝄟]"],
    ["an escaped astral character", "\\u{1d11e}|\\ud834\\udd1e"],
    ["properties", "^\\p{L}+$"],
    ["other escapes", "\\t|\\n|\\x41|\\u0041|\\/|\\{|\\cJ"],
  ])("%s", (_, source) => {
    const pattern = new LinearPattern(source);
    for (const text of TEXTS) {
      expect(pattern.test(text), `${source} on ${text}`).toBe(engineSays(source, text));
    }
  });

  test("on generated patterns and texts", () => {
    const pattern = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom("a", "b", "[ab]", "[^a]", ".", "é", "^", "$", "\\w", ""),
        fc.tuple(tie("node"), tie("node")).map(([a, b]) => a + b),
        fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(?:${a}|${b})`),
        fc
          .tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"))
          .map(([a, quantifier]) => `(?:${a})${quantifier}`),
      ),
    })).node;
    const text = fc.array(fc.constantFrom("a", "b", "é", "\n", "𝄞"), { maxLength: 8 });
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 4, maxLength: 4 }), (source, texts) => {
        const linear = new LinearPattern(source);
        for (const parts of texts) {
          const whole = parts.join("");
          expect(linear.test(whole), `${source} on ${whole}`).toBe(engineSays(source, whole));
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("still right after its memory was used up", () => {
    const pattern = new LinearPattern("^(?:x\\p{L})+y?$");
    for (let point = 0xac00; point < 0xac00 + 9000; point++) {
      expect(pattern.test(`x${String.fromCodePoint(point)}y`)).toBe(true);
    }
    expect(pattern.test("xay")).toBe(true);
    expect(pattern.test("x1y")).toBe(false);
  });
});

describe("pump strings of 128 KiB", () => {
  const size = 128 * 1024;
  test.each([
    ["nested plus", "^(a+)+$", "a", "!"],
    ["nested star", "^(a*)*$", "a", "!"],
    ["overlapping alternatives", "^(a|a)*$", "a", "!"],
    ["overlapping prefixes", "^(a|ab|b)*$", "ab", "!"],
    ["three stars in a row", "^.*.*.*=$", "x", ""],
    ["an unanchored tail", "\\s+$", " ", "x"],
    [
      "an e-mail address",
      "^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
      "a",
      "!",
    ],
    ["a host name", "^(([a-z]+.)+[A-Z]([a-z])+)+$", "a", ""],
    [
      "many distinct characters",
      "^[\\p{L}\\p{N} ]+!$",
      String.fromCodePoint(...Array.from({ length: 8000 }, (_, i) => 0xac00 + i)),
      "?",
    ],
    ["an unanchored counted repetition", "a.{1,400}b", "a", ""],
    [
      "counted classes against distinct characters",
      "[^a]{1,400}a$",
      String.fromCodePoint(...Array.from({ length: 8000 }, (_, i) => 0xac00 + i)),
      "?",
    ],
  ])("%s", (_, source, pump, tail) => {
    const text = pump.repeat(Math.ceil(size / pump.length)) + tail;
    const pattern = new LinearPattern(source);
    expect(cpuMs(() => pattern.test(text))).toBeLessThan(200);
    expect(pattern.test(text)).toBe(false);
  });
});

describe("a text that takes more than the limit of work", () => {
  const costly = "[^a]{1,400}a$";
  const text = Array.from({ length: 40_000 }, (_, i) => String.fromCodePoint(0xac00 + (i % 9000)));

  test("has no answer, and does not match", () => {
    const pattern = new LinearPattern(costly);
    expect(pattern.match(text.join(""))).toBeUndefined();
    expect(pattern.test(text.join(""))).toBe(false);
  });

  test("may be told where the limit is", () => {
    const few = text.slice(0, 100).join("");
    expect(new LinearPattern(costly).match(few)).toBe(false);
    expect(new LinearPattern(costly).match(few, 1_000)).toBeUndefined();
  });

  test("leaves nothing behind for the next text", () => {
    const pattern = new LinearPattern(costly);
    pattern.match(text.join(""));
    expect(pattern.match("xxa")).toBe(true);
    expect(pattern.match("xx")).toBe(false);
  });
});

describe("refuses what it cannot match in one pass", () => {
  test.each([
    ["(?=a)b", "look-ahead"],
    ["(?!a)b", "look-ahead"],
    ["(?<=a)b", "look-behind"],
    ["(?<!a)b", "look-behind"],
    ["(a)\\1", "back-references"],
    ["(?<n>a)\\k<n>", "back-references"],
    ["\\bword\\b", "word boundaries"],
    ["a{5000}", "too large"],
    ["(?:){0,1000000000}", "too large"],
    ["((((a{20}){20}){20}){20}){20}", "too large"],
    ["(".repeat(60) + "a" + ")".repeat(60), "50 deep"],
    ["a{2,1}", "out of order"],
    ["[z-a]", "out of order"],
    ["(", "Unterminated group"],
    ["a**", "Nothing to repeat"],
  ])("%s", (source, reason) => {
    expect(() => new LinearPattern(source)).toThrow(PatternRefused);
    expect(() => new LinearPattern(source)).toThrow(reason);
  });
});
