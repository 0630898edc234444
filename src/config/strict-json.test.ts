import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseStrictJson } from "./strict-json.ts";

const parse = (text: string, maxDepth?: number) => parseStrictJson(Buffer.from(text), maxDepth);

describe("JSON with one meaning", () => {
  test("whatever JSON.stringify writes is read back", () => {
    const shallow = fc.jsonValue({ maxDepth: 6, noUnicodeString: false });
    fc.assert(
      fc.property(shallow, (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__"'));
        expect(parse(text)).toEqual({ value: JSON.parse(text) as unknown });
      }),
    );
  });

  test.each([
    ["white space", ' { "a" : [ 1 , { "b" : "," } ] } '],
    ["equal names in different objects", '{"a":{"a":1},"b":{"a":{"a":2}}}'],
    ["values that look like names", '{"a":"a","b":["a","a"],"c":"{\\"a\\":1,\\"a\\":2}"}'],
    ["escapes", '{"a\\\\":1,"a\\"":2,"a":"\\u0000"}'],
  ])("%s is fine", (_, text) => {
    expect(parse(text)).toEqual({ value: JSON.parse(text) as unknown });
  });

  test.each([
    ["a repeated name", '{"a":1,"a":1}', "a member twice"],
    ["a repeated name, once escaped", '{"a":1,"\\u0061":2}', "a member twice"],
    ["a repeated name deep inside", '[{"x":[{"a":1,"b":2,"a":3}]}]', "a member twice"],
    ["a repeated name after an inner object", '{"a":{"b":1},"a":2}', "a member twice"],
    ["__proto__", '{"__proto__":{"admin":true}}', "a member named __proto__"],
    ["__proto__, escaped", '{"\\u005f_proto__":1}', "a member named __proto__"],
    ["text behind it", '{"a":1} {}', "not JSON"],
    ["a byte order mark", '\ufeff{"a":1}', "not JSON"],
    ["a comment", '{"a":1/**/}', "not JSON"],
    ["nothing", "", "not JSON"],
    ["a half string", '{"a', "not JSON"],
    ["20,000 arrays", "[".repeat(20_000) + "]".repeat(20_000), "nested deeper than 16"],
    ["17 objects", '{"a":'.repeat(17) + "1" + "}".repeat(17), "nested deeper than 16"],
  ])("%s is refused", (_, text, refused) => {
    expect(parse(text)).toEqual({ refused });
  });

  test("16 levels are the most by default", () => {
    expect(parse("[".repeat(16) + "]".repeat(16))).toHaveProperty("value");
  });

  test.each([
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["a lone surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["a cut sequence", [0x22, 0xe2, 0x82, 0x22]],
  ])("%s is no UTF-8", (_, bytes) => {
    expect(parseStrictJson(Buffer.from(bytes))).toEqual({ refused: "not UTF-8" });
  });
});
