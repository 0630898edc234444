/** The quick way may only ever say what the strict reader says; where it is not sure it must say nothing. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_JSON_LIMITS } from "./config.ts";
import { PlainJson } from "./plain-json.ts";
import { StrictJson } from "./strict-json.ts";

const limits = { ...DEFAULT_JSON_LIMITS, depth: 4, members: 12, numberBytes: 20, keyBytes: 24 };
const plain = new PlainJson(limits);
const strict = new StrictJson(limits);

function agree(text: string): void {
  const body = Buffer.from(text);
  const quick = plain.read(body);
  if (quick !== undefined) expect(quick, text).toEqual(strict.readStrictly(body));
}

describe("the plain reader", () => {
  test("reads the common body", () => {
    expect(plain.read(Buffer.from('{"a":1,"b":["x",{"c":null}]}'))).toMatchObject({
      kind: "value",
      members: 5,
    });
  });

  test.each([
    ["a repeated key", '{"a":1,"a":1}'],
    ["a repeated key below", '{"a":{"b":"x","b":"x"}}'],
    ["a forbidden key", '{"__proto__":{}}'],
    ["an escape", '{"a":"\\u0061"}'],
    ["a number that is not finite", "[1e999]"],
    ["a long number", `[${"1".repeat(21)}]`],
    ["a long key", `{"${"k".repeat(25)}":1}`],
    ["too much depth", "[[[[[]]]]]"],
    ["too many members", `[${"1,".repeat(12)}1]`],
    ["a byte order mark", "\ufeff{}"],
    ["text behind the end", "{} {}"],
    ["nothing", ""],
  ])("leaves %s to the strict reader", (_name, text) => {
    expect(plain.read(Buffer.from(text))).toBeUndefined();
  });

  test("leaves invalid UTF-8 to the strict reader", () => {
    expect(plain.read(Buffer.from([0x22, 0xff, 0x22]))).toBeUndefined();
  });

  test("agrees with the strict reader on objects with repeated, forbidden and odd keys", () => {
    const key = fc.constantFrom("a", "b", "c", "", ":", "__proto__", "constructor", "é", "0");
    const value = fc.constantFrom(
      "1",
      '"x"',
      '":"',
      "[]",
      '{"a":1}',
      '{"a":1,"a":2}',
      "null",
      "1e999",
      '"\\n"',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 8 }), (members) => {
        agree(`{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`);
      }),
      { numRuns: 3_000 },
    );
  });

  test("agrees with the strict reader on damaged texts", () => {
    const put = fc.constantFrom(
      "",
      '"',
      "\\",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "0",
      "-",
      "e9",
      "\n",
      "\u0000",
    );
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.nat(3), put, (value, at, cut, piece) => {
        const whole = JSON.stringify(value);
        const from = at % (whole.length + 1);
        agree((whole.slice(0, from) + piece + whole.slice(from + cut)).toWellFormed());
      }),
      { numRuns: 3_000 },
    );
  });
});
