/** The filter finds what running every rule on every entry finds, in one go, in slices and from kept tables. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Entry, PART } from "../collections/entry.ts";
import { ByteSet } from "../regex/byte-set.ts";
import { Filter, type FilterOptions } from "./filter.ts";
import type { FilterRule } from "./filter-rule.ts";
import { FilterSession } from "./filter-session.ts";
import { naiveMatches, reported } from "./naive-filter.test-support.ts";

const CHAINS = [
  [],
  ["lowercase"],
  ["urldecodeuni"],
  ["urldecodeuni", "lowercase"],
  ["urldecodeuni", "htmlentitydecode", "jsdecode", "removewhitespace"],
  ["none", "cmdline"],
  ["cmdline", "normalizepath"],
  ["lowercase", "replacecomments", "compresswhitespace"],
  ["utf8tounicode", "urldecodeuni", "removenulls"],
  ["length"],
  ["base64decode", "lowercase"],
  ["sha1", "hexencode"],
  ["base64decode", "urldecodeuni"],
  ["urldecodeuni", "base64decode", "urldecodeuni", "jsdecode"],
  ["urldecodeuni", "jsdecode"],
];

const PARTS = [PART.argsPost, PART.argsPostNames, PART.requestHeaders, PART.requestBody];

const LITERALS = [
  "<",
  "ab",
  "Ab",
  "a b",
  "select",
  "%",
  "\n",
  "cat",
  "/etc",
  "a",
  "1",
  "\xe9x",
  "$(",
];

const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

type Draft = Pick<FilterRule, "parts" | "chain"> & {
  readonly words: readonly string[];
  readonly shape: "literals" | "bytes" | "exact" | "bare" | "anything";
  readonly header: string | undefined;
};

const drafts: fc.Arbitrary<Draft> = fc.record({
  parts: fc
    .uniqueArray(fc.constantFrom(...PARTS), { minLength: 1 })
    .map((parts) => parts.reduce((sum, part) => sum | part, 0)),
  chain: fc.nat({ max: CHAINS.length - 1 }),
  words: fc.uniqueArray(fc.constantFrom(...LITERALS), { minLength: 1, maxLength: 3 }),
  shape: fc.constantFrom("literals", "bytes", "exact", "bare", "anything"),
  header: fc.option(fc.constantFrom("host", "x-a"), { nil: undefined }),
});

/** What each shape may say of itself is true of its test. */
function ruleOf(draft: Draft, index: number): FilterRule {
  const { parts, chain, words, shape, header } = draft;
  const base = { index, parts, chain };
  const reads = header === undefined ? {} : { reads: (_: number, name: string) => name === header };
  const literals = words.map(lower);
  const bytes = Array.from(words.join("")).map((each): [number, number] => [
    each.charCodeAt(0),
    each.charCodeAt(0),
  ]);
  const set = ByteSet.of(...bytes);
  const hasByte = (value: string): boolean =>
    Array.from(value).some((each) => set.has(each.charCodeAt(0)));
  const hasAny = (value: string): boolean => literals.some((word) => lower(value).includes(word));
  switch (shape) {
    case "literals":
      return { ...base, ...reads, literals, test: hasAny };
    case "bytes":
      return { ...base, ...reads, byteSets: [set], test: hasByte };
    case "exact":
      return {
        ...base,
        ...reads,
        literals,
        byteSets: [set],
        test: (value) => words.some((word) => value.includes(word)),
      };
    case "bare":
      return {
        ...base,
        ...reads,
        bareLiterals: ["select", "cat"],
        test: (value) => /se['"]*lect|c[\\^]*a(?:\$[a-z]+)?t/.test(value),
      };
    case "anything":
      return { ...base, ...reads, test: (value) => value.length % 3 === 0 };
  }
}

const options: fc.Arbitrary<FilterOptions> = fc
  .array(drafts, { maxLength: 14 })
  .map((list) => ({ rules: list.map(ruleOf), chains: CHAINS }));

const PIECES = [
  ...LITERALS,
  "SELECT",
  "se'lect",
  'c^a\\t"',
  "c\\at",
  "ca$xt",
  "%41b",
  "%3C",
  "&lt;",
  "\\x41",
  "/*x*/",
  "  ",
  "A",
  "B",
  ",",
  "\0",
  "../",
  "YWI=",
  Buffer.from("<select%41").toString("base64"),
  Buffer.from("\\x3cA b").toString("base64"),
  "\xc3\xa9",
  "+",
  "(",
  "'",
];

const entries = fc.array(
  fc
    .record({
      part: fc.constantFrom(...PARTS),
      name: fc.constantFrom("Host", "X-A", "other"),
      value: fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((parts) => parts.join("")),
    })
    .map(({ part, name, value }) => new Entry(part, name, value)),
  { maxLength: 8 },
);

const all = (rules: readonly unknown[]): Uint8Array => new Uint8Array(rules.length).fill(1);

test("it reports what every rule on every entry reports, again with what it has learned", () => {
  fc.assert(
    fc.property(options, entries, entries, (rules, first, second) => {
      const session = new FilterSession(new Filter(rules).select(all(rules.rules)));
      for (const message of [first, second, first]) {
        session.reset();
        session.scan(message);
        expect(reported(session, message)).toEqual(naiveMatches(rules, message));
      }
    }),
    { numRuns: 600 },
  );
});

test("stopped after every unit of work it reports the same", () => {
  fc.assert(
    fc.property(options, entries, (rules, drawn) => {
      // Short values are done at once: every other one is made longer.
      const message = drawn.map(({ part, name, value }, at) =>
        at % 2 === 0
          ? new Entry(part, name, value.padEnd(600, `${value} `))
          : new Entry(part, name, value),
      );
      const session = new FilterSession(new Filter(rules).select(all(rules.rules)));
      session.begin(message);
      while (!session.resume(() => true));
      expect(reported(session, message)).toEqual(naiveMatches(rules, message));
    }),
    { numRuns: 200 },
  );
});

test("built from kept tables it is the same filter", () => {
  fc.assert(
    fc.property(options, entries, (rules, message) => {
      const built = new Filter(rules);
      const restored = new Filter(rules, structuredClone(built.tables));
      expect(restored.memoryBytes).toBe(built.memoryBytes);
      const session = new FilterSession(restored.select(all(rules.rules)));
      session.scan(message);
      expect(reported(session, message)).toEqual(naiveMatches(rules, message));
    }),
    { numRuns: 100 },
  );
});

const rule = (index: number, literal: string, extra: Partial<FilterRule> = {}): FilterRule => ({
  index,
  parts: PART.argsPost,
  chain: 0,
  literals: [literal],
  test: (value) => value.includes(literal),
  ...extra,
});

test.each([
  { step: "decodes further", chain: ["base64decode", "urldecodeuni"], plain: "%3Ca", literal: "<" },
  { step: "counts", chain: ["base64decode", "length"], plain: "four", literal: "4" },
])(
  "bytes that were decoded matter for what a later step makes of them: one that $step",
  ({ chain, plain, literal }) => {
    const byte = literal.charCodeAt(0);
    const rules = [rule(0, literal, { chain: 1, byteSets: [ByteSet.of([byte, byte])] })];
    const session = new FilterSession(
      new Filter({ rules, chains: [[], chain] }).select(all(rules)),
    );
    const entry = new Entry(PART.argsPost, "a", Buffer.from(plain).toString("base64"));
    session.scan([entry]);
    expect(session.entriesOf(0)).toEqual([entry]);
  },
);

test("what is of no use to one rule may be of use to another that has the same made of the value", () => {
  const digit = ByteSet.of([0x31, 0x31]);
  const rules = [rule(0, "1", { chain: 1, byteSets: [digit] }), rule(1, "<", { chain: 2 })];
  const chains = [[], ["utf8tounicode", "urldecodeuni", "removenulls"], ["urldecodeuni"]];
  const session = new FilterSession(new Filter({ rules, chains }).select(all(rules)));
  const entry = new Entry(PART.argsPost, "a", "<\xe9x%41b");
  session.scan([entry]);
  expect(session.matchedRules).toEqual([1]);
});

test("rules that are not selected are never tested", () => {
  const tested: number[] = [];
  const rules = [0, 1].map((index) => rule(index, "evil", { test: () => tested.push(index) > 0 }));
  const session = new FilterSession(
    new Filter({ rules, chains: [[]] }).select(Uint8Array.of(0, 1)),
  );
  session.scan([new Entry(PART.argsPost, "a", "some evil")]);
  expect(session.matchedRules).toEqual([1]);
  expect(tested).toEqual([1]);
});

test("a value without the rule's literals or bytes does not reach the test", () => {
  let tests = 0;
  const count = (): boolean => (tests += 1) > 0;
  const rules = [
    rule(0, "union", { test: count }),
    { ...rule(1, "<"), test: count },
    { index: 2, parts: PART.argsPost, chain: 0, byteSets: [ByteSet.of([0, 0])], test: count },
  ];
  const session = new FilterSession(new Filter({ rules, chains: [[]] }).select(all(rules)));
  session.scan([new Entry(PART.argsPost, "a", "an ordinary value (of no rule's business)")]);
  expect(tests).toBe(0);
});

test("reports add up until they are reset, and what was left undone is dropped", () => {
  const filter = new Filter({ rules: [rule(0, "evil")], chains: [[]] });
  const session = new FilterSession(filter.select(Uint8Array.of(1)));
  const [one, two, three] = ["evil", "more evil", "evil too".repeat(100)].map(
    (value) => new Entry(PART.argsPost, "a", value),
  ) as [Entry, Entry, Entry];
  session.begin([three]);
  session.resume(() => true);
  session.scan([one]);
  session.scan([two]);
  expect(session.entriesOf(0)).toEqual([one, two]);
  session.reset();
  expect(session.matchedRules).toEqual([]);
  expect(session.entriesOf(0)).toBeUndefined();
  expect(session.resume()).toBe(true);
});

test("a value of 256 KB of anything is done in few units of work", () => {
  const filter = new Filter({
    rules: [rule(0, "evil"), rule(1, "%", { chain: 4 })],
    chains: CHAINS,
  });
  for (const piece of ["e", "evi", "%41", "&#x41;", "\\x41 ", " \n", "Evil "]) {
    const entry = new Entry(PART.argsPost, "a", piece.repeat(262_144 / piece.length));
    const session = new FilterSession(filter.select(Uint8Array.of(1, 1)));
    session.begin([entry]);
    let units = 0;
    while (!session.resume(() => true)) units += 1;
    expect(units).toBeLessThan(30);
  }
});

test("transform follows the chain and keeps each result with the entry", () => {
  const filter = new Filter({ rules: [], chains: CHAINS });
  const entry = new Entry(PART.argsPost, "a", "%3CB&lt;\\x41 C");
  expect(filter.transform(entry, 0)).toBe(entry.value);
  expect(filter.transform(entry, 4)).toBe("<B<AC");
  expect(filter.transform(entry, 3)).toBe("<b&lt;\\x41 c");
  expect(filter.transform(entry, 4)).toBe(filter.transform(entry, 4));
  expect(() => filter.transform(entry, 99)).toThrow(RangeError);
});

test("unknown transformations, other rules' tables and wrong indexes are refused", () => {
  expect(() => new Filter({ rules: [], chains: [["rot13"]] })).toThrow(RangeError);
  expect(() => new Filter({ rules: [rule(3, "x1")], chains: [[]] })).toThrow(RangeError);
  expect(() => new Filter({ rules: [rule(0, "x1", { chain: 5 })], chains: [[]] })).toThrow(
    RangeError,
  );
  const { tables } = new Filter({ rules: [rule(0, "one")], chains: [[]] });
  expect(() => new Filter({ rules: [rule(0, "two")], chains: [[]] }, tables)).toThrow(RangeError);
});
