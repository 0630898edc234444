/** Form bodies and query strings: tables of odd spellings, limits, and properties against the platform's reader. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBytes } from "../byte-string.ts";
import { parseUrlencoded } from "./urlencoded.ts";

describe("reads fields as ModSecurity reads ARGS", () => {
  test.for<[string, string, [string, string][], number]>([
    ["nothing", "", [], 0],
    [
      "two fields",
      "a=b&c=d",
      [
        ["a", "b"],
        ["c", "d"],
      ],
      0,
    ],
    [
      "duplicates, both of them",
      "q=evil&q=x",
      [
        ["q", "evil"],
        ["q", "x"],
      ],
      0,
    ],
    ["plus as space", "a+b=c+d", [["a b", "c d"]], 0],
    ["escapes in names and values", "%61%3d=%26%2B%00", [["a=", "&+\0"]], 0],
    ["hexadecimal in both cases", "a=%c3%A9", [["a", "\xc3\xa9"]], 0],
    ["an escape decoded once only", "a=%2527", [["a", "%27"]], 0],
    ["a sign without digits", "a=100%", [["a", "100%"]], 1],
    ["a sign with one digit", "a=%4", [["a", "%4"]], 1],
    ["a sign with other letters", "a=%zz%4g", [["a", "%zz%4g"]], 2],
    ["a sign before an escape", "a=%%41", [["a", "%A"]], 1],
    ["a sign before a plus", "a=%+4", [["a", "% 4"]], 1],
    [
      "a sign cut by the separator",
      "a=%4&1=x",
      [
        ["a", "%4"],
        ["1", "x"],
      ],
      1,
    ],
    ["no %u escapes", "a=%u0041", [["a", "%u0041"]], 1],
    ["raw bytes above ASCII", "a=\xff", [["a", "\xff"]], 0],
    [
      "a name without a value",
      "a&b=",
      [
        ["a", ""],
        ["b", ""],
      ],
      0,
    ],
    [
      "an empty name",
      "=b&=",
      [
        ["", "b"],
        ["", ""],
      ],
      0,
    ],
    ["a second equals sign in the value", "a=b=c==", [["a", "b=c=="]], 0],
    [
      "empty pieces as none",
      "&&a=1&&b=2&",
      [
        ["a", "1"],
        ["b", "2"],
      ],
      0,
    ],
    ["semicolons as data", "a=1;b=2", [["a", "1;b=2"]], 0],
    ["line feeds as data", "a=1\r\n", [["a", "1\r\n"]], 0],
    [
      "brackets as data",
      "a[]=1&a[b]=2",
      [
        ["a[]", "1"],
        ["a[b]", "2"],
      ],
      0,
    ],
  ])("%s", ([, text, expected, invalidEscapes]) => {
    const parsed = parseUrlencoded(text);
    expect(parsed.fields.map((field) => [field.name, field.value])).toEqual(expected);
    expect(parsed.fault).toBeUndefined();
    expect(parsed.invalidEscapes).toBe(invalidEscapes);
  });

  test("another separator", () => {
    const parsed = parseUrlencoded("a=1;b=2&c", { separator: ";" });
    expect(parsed.fields.map((field) => field.value)).toEqual(["1", "2&c"]);
  });

  test("ranges point at the raw value", () => {
    const text = "a=%41&b&=c";
    const raw = parseUrlencoded(text).fields.map((field) => text.slice(field.start, field.end));
    expect(raw).toEqual(["%41", "", "c"]);
  });

  test.for<[string, object, string, number]>([
    ["fields", { fields: 2 }, "body.fields", 10],
    ["bytes of a name", { nameBytes: 1 }, "body.name", 7],
    ["bytes of a value", { valueBytes: 2 }, "body.value", 10],
  ])("the limit of %s", ([, limits, code, at]) => {
    const parsed = parseUrlencoded("a=1&bb=2&=333", limits);
    expect(parsed.fault).toMatchObject({ code, at });
    expect(parsed.fields.length).toBeGreaterThan(0);
  });
});

describe("properties", () => {
  test("agrees with URLSearchParams on what that writes", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
        const parsed = parseUrlencoded(new URLSearchParams(pairs).toString());
        const bytes = (word: string) => fromBytes(Buffer.from(word));
        expect(parsed.fields.map((field) => [field.name, field.value])).toEqual(
          pairs.map((pair) => pair.map(bytes)),
        );
      }),
    );
  });

  test("random bytes never throw", () => {
    fc.assert(fc.property(fc.uint8Array(), (raw) => void parseUrlencoded(fromBytes(raw))));
  });

  test.each(["&", "=", "%", "%41", "+", "a&", "%u"])("a megabyte of %j completes", (pump) => {
    const body = pump.repeat(1_048_576 / pump.length);
    expect(parseUrlencoded(body).fields.length).toBeLessThanOrEqual(4_096);
    parseUrlencoded(body, { fields: Infinity });
  });
});
