/** The JSON processor against tables, the public parsing corpus, JSON.parse and hostile sizes. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBytes } from "../byte-string.ts";
import { parseJson, parseNdjson } from "./json.ts";
import type { ParsedBody } from "./parsed-body.ts";

const bytes = (text: string) => fromBytes(Buffer.from(text));

const pairs = (parsed: ParsedBody) => parsed.fields.map((field) => [field.name, field.value]);

describe("turns a text into named leaves", () => {
  test.for<[string, string, [string, string][]]>([
    [
      "an object in an array in an object",
      '{"items":[{"sku":"a"},{"sku":"b"}]}',
      [
        ["json.items.0.sku", "a"],
        ["json.items.1.sku", "b"],
      ],
    ],
    ["a scalar at the root", ' "x" ', [["json", "x"]]],
    [
      "an array at the root",
      "[[1],2]",
      [
        ["json.0.0", "1"],
        ["json.1", "2"],
      ],
    ],
    [
      "duplicates, both of them",
      '{"q":"evil","q":"x"}',
      [
        ["json.q", "evil"],
        ["json.q", "x"],
      ],
    ],
    ["__proto__ as a name like any other", '{"__proto__":{"a":1}}', [["json.__proto__.a", "1"]]],
    [
      "a number as it was written",
      "[1.0e+2,-0,12345678901234567890]",
      [
        ["json.0", "1.0e+2"],
        ["json.1", "-0"],
        ["json.2", "12345678901234567890"],
      ],
    ],
    [
      "true and false as words, null as nothing",
      "[true,false,null]",
      [
        ["json.0", "true"],
        ["json.1", "false"],
        ["json.2", ""],
      ],
    ],
    [
      "empty containers as empty values",
      '{"a":{ },"b":[]}',
      [
        ["json.a", ""],
        ["json.b", ""],
      ],
    ],
    ["an empty container at the root", "[]", [["json", ""]]],
    ["every short escape", String.raw`"\"\\\/\b\f\n\r\t"`, [["json", '"\\/\b\f\n\r\t']]],
    ["an escaped NUL", String.raw`"a\u0000b"`, [["json", "a\0b"]]],
    [
      "escaped and raw characters as the same bytes",
      String.raw`["\u00e9\u20ac\ud834\udd1e","é€𝄞"]`,
      [
        ["json.0", bytes("é€𝄞")],
        ["json.1", bytes("é€𝄞")],
      ],
    ],
    ["an escaped name", String.raw`{"\u0061\"":1}`, [['json.a"', "1"]]],
    ["an empty name", '{"":{"":1}}', [["json..", "1"]]],
    ["a lone high surrogate as three bytes", String.raw`"\ud800"`, [["json", "\xed\xa0\x80"]]],
    ["a lone low surrogate as three bytes", String.raw`"\udfffx"`, [["json", "\xed\xbf\xbfx"]]],
    [
      "a high surrogate before another character",
      String.raw`"\ud888\u1234"`,
      [["json", "\xed\xa2\x88\xe1\x88\xb4"]],
    ],
  ])("%s", ([, text, expected]) => {
    const parsed = parseJson(bytes(text));
    expect(parsed.fault).toBeUndefined();
    expect(pairs(parsed)).toEqual(expected);
  });

  test("ranges point at the raw value, without quotes", () => {
    const text = String.raw`{ "a" : "x\n" , "b":[ 12 ,null, { } ] }`;
    const raw = parseJson(text).fields.map((field) => text.slice(field.start, field.end));
    expect(raw).toEqual([String.raw`x\n`, "12", "null", "{ }"]);
  });
});

describe("stops at a fault and keeps what was read", () => {
  test.for<[string, string, string, number, number]>([
    ["nothing at all", "", "body.truncated", 0, 0],
    ["an object cut short", '{"a":1,"b":"x', "body.truncated", 13, 1],
    ["a second value", '{"a":1} {}', "body.trailing", 8, 1],
    ["a byte order mark", "\xef\xbb\xbf{}", "body.syntax", 0, 0],
    ["UTF-16", "[\0]\0", "body.syntax", 1, 0],
    ["a raw line feed in a string", '["a\nb"]', "body.control", 3, 0],
    ["a byte that is not UTF-8", '["ok","\xff"]', "body.encoding", 7, 1],
    ["an overlong slash", '["\xc0\xaf"]', "body.encoding", 2, 0],
    ["a surrogate in UTF-8", '["\xed\xa0\x80"]', "body.encoding", 2, 0],
    ["a character cut by the quote", '["\xe2\x82"]', "body.encoding", 2, 0],
    ["a name that is not UTF-8", '{"\xff":1}', "body.encoding", 2, 0],
    ["a wrong escape", String.raw`["\x41"]`, "body.syntax", 2, 0],
    ["a unicode escape cut short", String.raw`["\u00e"]`, "body.syntax", 2, 0],
    ["a leading zero", "[01]", "body.syntax", 2, 1],
    ["a bare minus", "[-]", "body.syntax", 2, 0],
    ["a bare point", "[1.]", "body.syntax", 3, 0],
    ["a bare exponent", "[1e+]", "body.syntax", 4, 0],
    ["NaN", "[1,NaN]", "body.syntax", 3, 1],
    ["a trailing comma in an array", "[1,]", "body.syntax", 3, 1],
    ["a trailing comma in an object", '{"a":1,}', "body.syntax", 7, 1],
    ["the wrong closer", '{"a":[1}', "body.syntax", 7, 1],
    ["a comment", '{"a":1,/**/"b":2}', "body.syntax", 7, 1],
    ["single quotes", "{'a':1}", "body.syntax", 1, 0],
    ["a vertical tab as white space", "[1,\v2]", "body.syntax", 3, 1],
    ["a non-breaking space as white space", "[1,\xa02]", "body.syntax", 3, 1],
  ])("%s", ([, text, code, at, kept]) => {
    const parsed = parseJson(text);
    expect(parsed.fault).toMatchObject({ code, at });
    expect(parsed.fields).toHaveLength(kept);
  });

  test.for<[string, string, object, string, number]>([
    ["depth", "[[[1]]]", { depth: 2 }, "body.depth", 2],
    ["fields", "[1,2,3]", { fields: 2 }, "body.fields", 5],
    ["bytes of a name", '{"a":{"bcd":1}}', { nameBytes: 9 }, "body.name", 6],
    ["bytes of a name without leaves", '{"abcdefgh":{', { nameBytes: 9 }, "body.name", 1],
    ["bytes of a value", '["abc","abcd"]', { valueBytes: 3 }, "body.value", 8],
  ])("the limit of %s", ([, text, limits, code, at]) => {
    expect(parseJson(text, limits).fault).toMatchObject({ code, at });
  });

  test("each limit admits exactly its number", () => {
    const limits = { depth: 2, fields: 2, nameBytes: 8, valueBytes: 3 };
    expect(parseJson('{"a":["abc","abc"]}', limits).fault).toBeUndefined();
  });
});

describe("NDJSON", () => {
  test("numbers the texts and skips blank lines", () => {
    const parsed = parseNdjson('{"a":1}\r\n\n  \n{"a":[2]}\n');
    expect(parsed.fault).toBeUndefined();
    expect(pairs(parsed)).toEqual([
      ["json.0.a", "1"],
      ["json.1.a.0", "2"],
    ]);
    expect(parsed.fields.map((field) => field.start)).toEqual([5, 19]);
  });

  test.for<[string, string, string, number, number]>([
    ["a text over two lines", '{"a":1}\n{"a":\n2}', "body.truncated", 13, 1],
    ["two texts on a line", "1 2\n3", "body.trailing", 2, 1],
    ["a string over two lines", '1\n"a\nb"', "body.truncated", 4, 1],
    ["a broken line between good ones", "1\nx\n3", "body.syntax", 2, 1],
  ])("stops at %s", ([, text, code, at, kept]) => {
    const parsed = parseNdjson(text);
    expect(parsed.fault).toMatchObject({ code, at });
    expect(parsed.fields).toHaveLength(kept);
  });
});

describe("properties", () => {
  const leaves = (value: unknown): string[] => {
    if (value === null) return [""];
    if (typeof value === "string") return [bytes(value)];
    if (typeof value !== "object") return [String(value)];
    const inner = Object.values(value);
    return inner.length === 0 ? [""] : inner.flatMap(leaves);
  };

  test("the leaves are those of JSON.parse when no name occurs twice", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "grapheme" }), fc.nat(4), (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, space);
        const parsed = parseJson(bytes(spaced), { nameBytes: 100_000 });
        expect(parsed.fault).toBeUndefined();
        const numbers = (value: string) => (/^-?\d/.test(value) ? String(Number(value)) : value);
        expect(parsed.fields.map((field) => numbers(field.value)).sort()).toEqual(
          leaves(JSON.parse(spaced)).map(numbers).sort(),
        );
      }),
    );
  });

  test("a fault is reported exactly when JSON.parse refuses ASCII text", () => {
    const token = fc.constantFrom(
      ...'[]{}:,"\\ \n\t01-.eE+truefalsn/u'.split(""),
      "true",
      "null",
      '"a"',
      '"b":',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join("");
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        expect(parseJson(text).fault === undefined).toBe(isJson);
      }),
      { numRuns: 5_000 },
    );
  });

  test("random bytes never throw, and ranges stay inside the body", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        const body = fromBytes(raw);
        for (const parsed of [parseJson(body), parseNdjson(body), parseJson(`["${body}`)]) {
          for (const { start, end } of parsed.fields) expect(start).toBeLessThanOrEqual(end);
        }
      }),
    );
  });

  test.each(["[", '"', "{", '{"a":', "\\", '"\\u0041', "[]", "1", " ", "\n", "[1,"])(
    "a megabyte of %j completes",
    (pump) => {
      const body = pump.repeat(1_048_576 / pump.length);
      const limits = { depth: Infinity, fields: Infinity, nameBytes: Infinity };
      for (const text of [body, `["${body}`]) {
        expect(parseJson(text).fault === undefined).toBe(text === body && pump === "1");
        parseNdjson(text);
        if (!pump.includes("{")) parseJson(text, limits);
      }
    },
  );
});

const corpusFile = resolve(
  process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora",
  "json-parsing/cases.jsonl",
);

interface Case {
  readonly id: string;
  readonly expect: "y" | "n" | "i";
  readonly b64: string;
}

/** What the grammar leaves open: numbers beyond a double and lone escaped surrogates are read, bad encodings are not. */
const READ_OPEN_CASES =
  /^i_number_|lone_2nd_surrogate|surrogate_but_2nd_missing|2nd_invalid|incomplete_surrogate|invalid_(?:lonely_)?surrogate$/;

describe.skipIf(!existsSync(corpusFile))("the public parsing corpus", () => {
  const cases = existsSync(corpusFile)
    ? readFileSync(corpusFile, "utf8")
        .trim()
        .split("\n")
        .map((line): Case => JSON.parse(line))
    : [];
  const isRead = ({ b64 }: Case) =>
    parseJson(fromBytes(Buffer.from(b64, "base64"))).fault === undefined;
  const of = (kind: string) => cases.filter((row) => row.expect === kind);

  test("every y_ text is read", () => {
    expect(of("y").length).toBeGreaterThanOrEqual(50);
    expect(of("y").filter((row) => !isRead(row))).toEqual([]);
  });

  test("every n_ text has a fault", () => {
    expect(of("n").length).toBeGreaterThanOrEqual(98);
    expect(
      of("n")
        .filter(isRead)
        .map((row) => row.id),
    ).toEqual([]);
  });

  test("every i_ text is read or refused as chosen", () => {
    expect(of("i").length).toBeGreaterThanOrEqual(24);
    const ids = (rows: Case[]) => rows.map((row) => row.id);
    expect(ids(of("i").filter(isRead))).toEqual(
      ids(of("i")).filter((id) => READ_OPEN_CASES.test(id)),
    );
  });
});
