/** The strict reader against tables, the public parsing corpus, and properties that compare it with simpler readers. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { DEFAULT_JSON_LIMITS } from "./config.ts";
import { type JsonLimits, StrictJson } from "./strict-json.ts";

const read = (text: string | Buffer, limits: Partial<JsonLimits> = {}) =>
  new StrictJson({ ...DEFAULT_JSON_LIMITS, ...limits }).read(Buffer.from(text));

const nested = (depth: number, inside = "1") => "[".repeat(depth) + inside + "]".repeat(depth);

describe("accepts what RFC 8259 calls JSON", () => {
  test.each([
    ["a scalar at the root", "42"],
    ["white space of all four kinds", ' \t\r\n{ \t"a" \r:\n1 } '],
    ["empty containers", '{"a":{},"b":[]}'],
    ["every short escape", String.raw`"\"\\\/\b\f\n\r\t"`],
    ["an escaped surrogate pair", String.raw`"\ud83d\ude39"`],
    ["an escaped NUL", String.raw`{"a\u0000b":1}`],
    ["four-byte UTF-8", '"𝄞€é"'],
    ["the edges of number syntax", "[0,-0,0.5,-0.5e-10,1E+2,1e308]"],
    ["a number beyond 2^53, which goes on as it was written", "9007199254740993"],
    ["a number that rounds to zero", "1e-999"],
    ["the same key in sibling objects", '[{"a":1},{"a":1}]'],
    ["the same key in an object and its child", '{"a":{"a":{"a":1}},"b":1}'],
    ["keys of which one begins with the other", '{"a":1,"ab":1,"abc":1,"":1}'],
    ["keys that differ only in a byte the hash does not see", '{"aXbbbbbbccc":1,"aYbbbbbbccc":1}'],
    ["keys that look like array indices", '{"0":1,"1":1,"00":1}'],
    ["exactly the allowed depth", nested(32)],
  ])("%s", (_, text) => {
    expect(read(text)).toMatchObject({ kind: "value", json: JSON.parse(text) });
  });
});

describe("refuses, with flaw, offset and pointer", () => {
  test.for<[string, string, string, number, string]>([
    ["nothing at all", "", "malformed", 0, ""],
    ["only white space", "  ", "malformed", 2, ""],
    ["a byte order mark", "\ufeff{}", "byte_order_mark", 0, ""],
    ["a second value", "{} {}", "trailing_data", 3, ""],
    ["a NUL behind the value", "1\0", "trailing_data", 1, ""],
    ["a comma before the end of an array", "[1,]", "malformed", 3, "/1"],
    ["a comma before the end of an object", '{"a":1,}', "malformed", 7, "/a"],
    ["a comma at the start", "[,1]", "malformed", 1, "/0"],
    ["the wrong closer", '{"a":[1}', "malformed", 7, "/a/0"],
    ["an unquoted key", "{a:1}", "malformed", 1, ""],
    ["a single-quoted string", "['a']", "malformed", 1, "/0"],
    ["a missing colon", '{"a" 1}', "malformed", 5, "/a"],
    ["a comment", "[1/**/]", "malformed", 2, "/0"],
    ["NaN", "[NaN]", "malformed", 1, "/0"],
    ["Infinity", "[-Infinity]", "malformed", 2, "/0"],
    ["a leading zero", "[01]", "malformed", 2, "/0"],
    ["a leading plus", "[+1]", "malformed", 1, "/0"],
    ["a bare point", "[1.]", "malformed", 3, "/0"],
    ["a bare exponent", "[1e]", "malformed", 3, "/0"],
    ["a hexadecimal number", "[0x1]", "malformed", 2, "/0"],
    ["a literal cut short", "[tru]", "malformed", 1, "/0"],
    ["a literal in capitals", "[True]", "malformed", 1, "/0"],
    ["a raw line feed in a string", '["a\nb"]', "malformed", 3, "/0"],
    ["an unknown escape", String.raw`["\x41"]`, "malformed", 2, "/0"],
    ["an escape cut short", String.raw`["\u12"]`, "malformed", 2, "/0"],
    ["a signed escape", String.raw`["\u-123"]`, "malformed", 2, "/0"],
    ["a string without an end", '{"a":"b', "malformed", 7, "/a"],
    ["an escape without an end", '"\\', "malformed", 1, ""],
    ["a lone high surrogate", String.raw`["\ud800"]`, "lone_surrogate", 2, "/0"],
    ["a lone low surrogate", String.raw`["\udc00"]`, "lone_surrogate", 2, "/0"],
    ["two high surrogates", String.raw`["\ud800\ud800"]`, "lone_surrogate", 2, "/0"],
    ["a lone surrogate in a key", String.raw`{"\ud800":1}`, "lone_surrogate", 2, ""],
    ["a number without a finite double", "[1e999]", "number_out_of_range", 1, "/0"],
    ["a negative one", '{"a":-1e999}', "number_out_of_range", 5, "/a"],
    ["one level too deep", nested(33), "too_deep", 32, "/0".repeat(16) + "/…"],
    ["the same key twice", '{"x":{"a":1,"a":2}}', "duplicate_key", 12, "/x/a"],
    ["the empty key twice", '{"":1,"":2}', "duplicate_key", 6, "/"],
    ["a key repeated behind a nested object", '{"a":{"b":1},"a":2}', "duplicate_key", 13, "/a"],
    ["a key repeated through an escape", String.raw`{"a":1,"\u0061":2}`, "duplicate_key", 7, "/a"],
    [
      "an escape repeated by a plain key",
      String.raw`{"\u0061":1,"a":2}`,
      "duplicate_key",
      12,
      "/a",
    ],
    ["escapes in two spellings", String.raw`{"\u00e9":1,"\u00E9":2}`, "duplicate_key", 12, "/é"],
    ["an escape of a raw character", String.raw`{"é":1,"\u00e9":2}`, "duplicate_key", 8, "/é"],
    ["an escaped slash", String.raw`{"a/b":1,"a\/b":2}`, "duplicate_key", 9, "/a~1b"],
    ["__proto__", '{"a":{"__proto__":{}}}', "forbidden_key", 6, "/a/__proto__"],
    [
      "__proto__ with an escape",
      String.raw`{"\u005f_proto__":1}`,
      "forbidden_key",
      1,
      "/__proto__",
    ],
    ["constructor", '[{"constructor":1}]', "forbidden_key", 2, "/0/constructor"],
    ["prototype", '{"prototype":1}', "forbidden_key", 1, "/prototype"],
    ["a pointer with escapes", '{"a/b~c":[1,x]}', "malformed", 12, "/a~1b~0c/1"],
  ])("%s", ([, text, flaw, offset, pointer]) => {
    expect(read(text)).toEqual({ kind: "flawed", flaw, offset, pointer });
  });

  test.each([
    ["a stray continuation byte", [0x22, 0x80, 0x22], 1],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22], 1],
    ["a surrogate as bytes", [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    ["beyond U+10FFFF", [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1],
    ["a character cut short", [0x22, 0x41, 0xe2, 0x82, 0x22], 2],
    ["behind a genuine U+FFFD", [0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22], 4],
    ["UTF-16", [0xff, 0xfe, 0x31, 0x00], 0],
  ])("invalid UTF-8: %s", (_, bytes, offset) => {
    expect(read(Buffer.from(bytes))).toMatchObject({ flaw: "invalid_utf8", offset });
  });

  test("what is long is not repeated at length", () => {
    const key = "k".repeat(1000);
    const found = read(`{"${key}":{"${key}":x}}`);
    expect(found).toMatchObject({ flaw: "malformed" });
    expect((found as { pointer: string }).pointer.length).toBeLessThan(140);
  });
});

describe("limits", () => {
  test.each([
    ["members of one array", "[1,2,3,4]", { members: 3 }, "too_many_members"],
    ["members of one object", '{"a":1,"b":2}', { members: 1 }, "too_many_members"],
    ["members of all containers together", "[[1],[2]]", { members: 3 }, "too_many_members"],
    ["string bytes", '["abcd"]', { stringBytes: 3 }, "string_too_long"],
    ["string bytes as written", String.raw`["\u0041"]`, { stringBytes: 5 }, "string_too_long"],
    ["key bytes", '{"abcd":1}', { keyBytes: 3 }, "key_too_long"],
    ["number bytes", "[12345]", { numberBytes: 4 }, "number_too_long"],
    ["no container at all", "[]", { depth: 0 }, "too_deep"],
  ])("%s", (_, text, limits, flaw) => {
    expect(read(text, limits)).toMatchObject({ flaw });
  });

  test.each([
    ["members", "[1,2,3]", { members: 3 }],
    ["string bytes", '["abc"]', { stringBytes: 3 }],
    ["key bytes", '{"abc":1}', { keyBytes: 3 }],
    ["number bytes", "[1234]", { numberBytes: 4 }],
    ["depth", "[[]]", { depth: 2 }],
    ["duplicates where the operator allows them", '{"a":1,"a":2}', { duplicateKeys: "allow" }],
    ["a forbidden key where the operator allows it", '{"constructor":1}', { forbiddenKeys: [] }],
  ] as const)("exactly at the limit: %s", (_, text, limits) => {
    expect(read(text, limits)).toMatchObject({ kind: "value" });
  });

  test("an object far beyond the compared keys still finds its duplicate", () => {
    for (const count of [31, 32, 33, 34, 500]) {
      const keys = Array.from({ length: count }, (_, i) => `"k${i}":${i}`);
      expect(read(`{${keys.join()}}`)).toMatchObject({ kind: "value" });
      for (const again of [0, 1, 30, count - 1]) {
        expect(read(`{${keys.join()},"k${again}":0}`)).toMatchObject({ flaw: "duplicate_key" });
        expect(read(`{${keys.join()},"\\u006b${again}":0}`)).toMatchObject({
          flaw: "duplicate_key",
        });
      }
    }
  });

  test("one reader reads text after text, whatever became of the last one", () => {
    const reader = new StrictJson(DEFAULT_JSON_LIMITS);
    const texts = ['{"a":[{"b":1', '{"a":1,"a":2}', "[[[[", '{"a":{"b":{"a":1}}}', "\xff"];
    for (let i = 0; i < 50; i++) {
      const text = texts[i % texts.length] as string;
      expect(reader.read(Buffer.from(text))).toEqual(read(text));
    }
  });
});

const corpora =
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../../shared/corpora");
const corpusFile = resolve(corpora, "json-parsing/cases.jsonl");
const hasCorpus = existsSync(corpusFile);
if (!hasCorpus) console.warn(`SKIPPED: the JSON parsing corpus is not at ${corpusFile}`);

describe.skipIf(!hasCorpus)("the JSON parsing corpus, whole", () => {
  interface Case {
    readonly id: string;
    readonly expect: "y" | "n" | "i";
    readonly b64: string;
  }
  const cases = hasCorpus
    ? readFileSync(corpusFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Case)
    : [];
  const of = (expected: Case["expect"]) => cases.filter((row) => row.expect === expected);
  const verdict = ({ b64 }: Case, limits: Partial<JsonLimits> = {}) =>
    read(Buffer.from(b64, "base64"), limits);

  test("all 98 malformed texts are refused", () => {
    const refused = of("n").filter((row) => verdict(row).kind === "flawed");
    expect(refused.length).toBe(of("n").length);
    expect(refused.length).toBeGreaterThanOrEqual(98);
  });

  test("all 50 well-formed texts are read, once duplicates are allowed, as JSON.parse reads them", () => {
    let passed = 0;
    for (const row of of("y")) {
      const json = JSON.parse(Buffer.from(row.b64, "base64").toString("utf8")) as unknown;
      expect(verdict(row, { duplicateKeys: "allow" }), row.id).toMatchObject({
        kind: "value",
        json,
      });
      passed++;
    }
    expect(passed).toBeGreaterThanOrEqual(50);
  });

  test("by default the one well-formed text refused is the one that repeats a key, and for that reason", () => {
    const refused = of("y").filter((row) => verdict(row).kind === "flawed");
    expect(refused.map((row) => row.id)).toEqual(["y_object_duplicated_key"]);
    expect(verdict(refused[0] as Case)).toMatchObject({ flaw: "duplicate_key" });
  });

  test("texts that parsers may treat either way never throw", () => {
    expect(of("i").length).toBeGreaterThanOrEqual(24);
    for (const row of of("i")) expect(["value", "flawed"]).toContain(verdict(row).kind);
  });
});
