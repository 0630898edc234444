/** One level of text inside values: what is expanded, under which names, and what is left alone. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBytes } from "../byte-string.ts";
import { expandEmbedded } from "./embedded.ts";

const field = (value: string) => ({ name: "json.arguments", value, start: 3, end: 9 });

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("expands one level", () => {
  test.for<[string, string, [string, string][]]>([
    ["a JSON object", ' {"path":"/etc/passwd"}', [["json.arguments.json.path", "/etc/passwd"]]],
    [
      "a JSON array",
      '["a","b"]',
      [
        ["json.arguments.json.0", "a"],
        ["json.arguments.json.1", "b"],
      ],
    ],
    [
      "JSON in JSON once only",
      String.raw`{"a":"{\"b\":1}"}`,
      [["json.arguments.json.a", '{"b":1}']],
    ],
    ["what stands before a fault", '{"a":"x","b":', [["json.arguments.json.a", "x"]]],
    ["text in base64", base64("cat /etc/passwd"), [["json.arguments.base64", "cat /etc/passwd"]]],
    [
      "text in base64url without padding",
      Buffer.from("???>>>~~~ok?>~?>~").toString("base64url"),
      [["json.arguments.base64", "???>>>~~~ok?>~?>~"]],
    ],
    [
      "a data URL",
      `data:text/html;base64,${base64("<script>x</script>")}`,
      [["json.arguments.base64", "<script>x</script>"]],
    ],
    ["a scalar not at all", "12345678901234567", []],
    ["a word not at all", "internationalization", []],
    ["a short run of letters not at all", base64("cat /etc"), []],
    ["an image not at all", `data:image/png;base64,${base64("\x89PNG\r\n\x1a\n0000000000")}`, []],
    ["prose not at all", "Hello, this is a sentence.", []],
  ])("%s", ([, value, expected]) => {
    const inner = expandEmbedded(field(value));
    expect(inner.fields.map((found) => [found.name, found.value])).toEqual(expected);
    for (const found of inner.fields) expect(found).toMatchObject({ start: 3, end: 9 });
  });

  test("limits bind inside, too", () => {
    expect(expandEmbedded(field("[1,2,3]"), { fields: 2 }).fault?.code).toBe("body.fields");
    expect(expandEmbedded(field(base64("a".repeat(99))), { valueBytes: 50 }).fields).toEqual([]);
  });

  test("random bytes never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom("", "{", "["), (raw, head) => {
        expandEmbedded(field(head + fromBytes(raw)));
      }),
    );
  });
});
