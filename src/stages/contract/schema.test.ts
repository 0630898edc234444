/** Schemas: what loads, what is a load error and where, what callers are told, and that nothing a caller sends is slow. */
import { describe, expect, test } from "vitest";
import { SchemaCompiler, SchemaLoadError } from "./schema.ts";

const compiler = new SchemaCompiler();
const compile = (schema: unknown) =>
  compiler.compile({ file: "a.schema.json", text: JSON.stringify(schema) });

function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const items = Object.values(value);
  return items.reduce<number>((sum, item) => sum + countMembers(item), items.length);
}

const check = (schema: unknown, value: unknown) =>
  compile(schema).check(value, countMembers(value));

describe("violations", () => {
  test.for<[string, object, unknown, string[]]>([
    ["a wrong type", { type: "object" }, [], [" must be object"]],
    [
      "a missing property",
      { type: "object", required: ["age"] },
      {},
      [" must have required property 'age'"],
    ],
    [
      "a missing property that stands on every object's prototype",
      { type: "object", required: ["toString"] },
      {},
      [" must have required property 'toString'"],
    ],
    [
      "a property too many, by its pointer",
      { type: "object", additionalProperties: false },
      { "a/b": 1 },
      ["/a~1b must NOT have additional properties"],
    ],
    [
      "an unevaluated property, by its pointer",
      { type: "object", unevaluatedProperties: false },
      { x: 1 },
      ["/x must NOT have unevaluated properties"],
    ],
    [
      "several at once",
      { type: "object", properties: { a: { type: "integer" }, b: { type: "string" } } },
      { a: 1.5, b: 2 },
      ["/a must be integer", "/b must be string"],
    ],
    [
      "a value outside a list",
      { enum: ["x"] },
      "secret",
      [" must be equal to one of the allowed values"],
    ],
    [
      "a text against a pattern",
      { type: "string", pattern: "^a+$" },
      "secret",
      [' must match pattern "^a+$"'],
    ],
    [
      "a text against a format",
      { type: "string", format: "date" },
      "secret",
      [' must match format "date"'],
    ],
    [
      "an element of a list",
      { type: "array", items: { type: "number", maximum: 1 } },
      [0, 2],
      ["/1 must be <= 1"],
    ],
    [
      "an element of a tuple",
      { type: "array", prefixItems: [{ type: "string" }] },
      [1],
      ["/0 must be string"],
    ],
  ])("%s", ([, schema, value, expected]) => {
    const found = check(schema, value);
    expect(found?.map(({ pointer, message }) => `${pointer} ${message}`)).toEqual(expected);
    expect(JSON.stringify(found)).not.toContain("secret");
  });

  test("an optional property named like one of every object's prototype may be absent", () => {
    const schema = { type: "object", properties: { toString: { type: "string" } } };
    expect(check(schema, {})).toBeUndefined();
    expect(check(schema, { toString: 1 })).toHaveLength(1);
  });

  test("at most twenty are told, and of a large body only the first", () => {
    const schema = { type: "array", items: { type: "string" } };
    expect(
      check(
        schema,
        Array.from({ length: 100 }, () => 1),
      ),
    ).toHaveLength(20);
    expect(
      check(
        schema,
        Array.from({ length: 1000 }, () => 1),
      ),
    ).toHaveLength(1);
  });

  test("pointers and messages are bounded", () => {
    const schema = {
      type: "object",
      additionalProperties: { type: "string", pattern: "a".repeat(900) },
    };
    const [found] = check(schema, { ["k".repeat(5000)]: "b" }) ?? [];
    expect(found?.pointer?.length).toBeLessThan(80);
    expect(found?.message.length).toBeLessThanOrEqual(256);
  });

  test("2020-12 keywords are known", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $defs: { positive: { type: "number", exclusiveMinimum: 0 } },
      type: "object",
      properties: { a: { $ref: "#/$defs/positive" } },
      dependentRequired: { a: ["b"] },
    };
    expect(check(schema, { a: 1, b: 1 })).toBeUndefined();
    expect(check(schema, { a: 0, b: 1 })).toMatchObject([{ pointer: "/a" }]);
    expect(check(schema, { a: 1 })).toHaveLength(1);
  });

  test("two schemas with the same $id do not disturb each other", () => {
    const one = compile({ $id: "https://example.test/s", type: "string" });
    const two = compile({ $id: "https://example.test/s", type: "number" });
    expect(one.check("a", 0)).toBeUndefined();
    expect(two.check(1, 0)).toBeUndefined();
    expect(two.check("a", 0)).toHaveLength(1);
  });
});

describe("load errors name the file, the place and the reason", () => {
  const refused = (text: string): SchemaLoadError => {
    try {
      new SchemaCompiler().compile({ file: "a.schema.json", text });
    } catch (error) {
      if (error instanceof SchemaLoadError) return error;
      throw error;
    }
    throw new Error("it was accepted");
  };

  test.for<[string, string, string, string]>([
    ["no JSON", "{", "", "is not strict JSON: malformed at byte 1"],
    [
      "a repeated keyword",
      '{"type":"string","type":"object"}',
      "/type",
      "duplicate key at byte 17",
    ],
    ["a list", "[]", "", "a schema is an object"],
    [
      "another dialect",
      '{"$schema":"http://json-schema.org/draft-07/schema#"}',
      "/$schema",
      "2020-12",
    ],
    [
      "an unknown type",
      '{"properties":{"a":{"type":"strnig"}}}',
      "/properties/a/type",
      "must be equal to",
    ],
    ["a wrong keyword value", '{"type":"array","minItems":-1}', "/minItems", "must be >= 0"],
    [
      "a misspelt keyword",
      '{"type":"object","properties":{"a":{"type":"string","maxLenght":3}}}',
      "/properties/a",
      "maxLenght",
    ],
    [
      "a keyword that never applies",
      '{"$defs":{},"type":"object","properties":{"a/b":{"type":"string","minimum":3}}}',
      "/properties/a~1b",
      "minimum",
    ],
    [
      "an unknown format",
      '{"type":"array","items":{"type":"string","format":"zip"}}',
      "/items",
      "zip",
    ],
    ["a format that compiles the caller's text", '{"type":"string","format":"regex"}', "", "regex"],
    [
      "a remote schema",
      '{"type":"object","properties":{"a":{"$ref":"https://example.test/x.json"}}}',
      "/properties/a",
      "https://example.test/x.json",
    ],
    [
      "a reference to nothing",
      '{"properties":{"a":{"$ref":"#/$defs/none"}},"type":"object"}',
      "/properties/a",
      "#/$defs/none",
    ],
    ["a pattern that is none", '{"type":"string","pattern":"("}', "/pattern", "Unterminated group"],
    [
      "a pattern that looks ahead",
      '{"type":"object","properties":{"a":{"type":"string","pattern":"^(?=.*x)"}}}',
      "/properties/a/pattern",
      "look-ahead",
    ],
    [
      "a property pattern with a back-reference",
      String.raw`{"type":"object","patternProperties":{"(a)\\1":{}}}`,
      "/patternProperties/(a)\\1",
      "back-references",
    ],
    [
      "a kind of field that the firewall does not know",
      '{"type":"object","properties":{"a":{"type":"string","x-portcullis-kind":"prose"}}}',
      "/properties/a",
      "x-portcullis-kind",
    ],
    ["unique items of any size", '{"type":"array","uniqueItems":true}', "/uniqueItems", "maxItems"],
  ])("%s", ([, text, pointer, reason]) => {
    const error = refused(text);
    expect(error).toMatchObject({ file: "a.schema.json", pointer });
    expect(error.reason).toContain(reason);
    expect(error.message).toBe(`a.schema.json#${pointer}: ${error.reason}`);
  });

  test("a file over the limit", () => {
    expect(refused(`{"$comment":"${"x".repeat(1_048_576)}"}`).reason).toContain("larger");
  });

  test("what a field holds is the firewall's to know, and changes nothing of what is valid", () => {
    const schema = { type: "string", "x-portcullis-kind": "prompt", minLength: 2 };
    expect(check(schema, "ab")).toBeUndefined();
    expect(check(schema, "a")).toHaveLength(1);
  });

  test("a reference around in a circle is fine, and bounded by the depth of the value", () => {
    const tree = {
      type: "object",
      properties: { next: { $ref: "#" } },
      additionalProperties: false,
    };
    expect(check(tree, { next: { next: {} } })).toBeUndefined();
    expect(check(tree, { next: { next: { x: 1 } } })).toMatchObject([{ pointer: "/next/next/x" }]);
  });
});

describe("what a caller sends never makes it slow", () => {
  const cpuMs = (work: () => unknown): number => {
    const from = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1000;
  };

  const FORMATS = [
    "date",
    "time",
    "date-time",
    "duration",
    "uri",
    "uri-reference",
    "uri-template",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "json-pointer",
    "json-pointer-uri-fragment",
    "relative-json-pointer",
    "byte",
  ];
  const PUMPS = [
    "a",
    "a.",
    "1",
    "1:",
    "-",
    "%41",
    "{a}",
    "/~0",
    "/",
    "a@a.",
    "http://a",
    "P1Y",
    "[::",
    "A==",
    "\n",
  ];
  test.each(FORMATS)("format %s against pump strings of every length up to 128 KiB", (format) => {
    const compiled = compile({ type: "string", format });
    for (const pump of PUMPS) {
      for (const size of [300, 2_000, 131_072]) {
        const text = `${pump.repeat(Math.ceil(size / pump.length)).slice(0, size)}!`;
        expect(
          cpuMs(() => compiled.check(text, 0)),
          `${format} ${pump} ${size}`,
        ).toBeLessThan(50);
      }
    }
  });

  test("formats still accept what they are for", () => {
    const good: Readonly<Record<string, string>> = {
      date: "2026-02-28",
      "date-time": "2026-02-28T10:00:00Z",
      email: "a.b@example.test",
      uri: "https://example.test/a?b#c",
      uuid: "7d444840-9dc0-11d1-b245-5ffdce74fad2",
      ipv6: "2001:db8::1",
      byte: "AAAA",
      "json-pointer": "/a/b~0",
      password: "x",
    };
    for (const [format, text] of Object.entries(good)) {
      expect(check({ type: "string", format }, text), format).toBeUndefined();
      if (format !== "password" && format !== "json-pointer") {
        expect(check({ type: "string", format }, `${text}\u0000?`), format).toHaveLength(1);
      }
    }
    expect(check({ type: "string", format: "byte" }, "A".repeat(1_000_000))).toBeUndefined();
    expect(check({ type: "integer", format: "int32" }, 2 ** 31)).toHaveLength(1);
  });

  test("unique items beyond maxItems are not compared", () => {
    const schema = { type: "array", uniqueItems: true, maxItems: 256 };
    const items = Array.from({ length: 10_000 }, (_, i) => ({ i }));
    const compiled = compile(schema);
    expect(cpuMs(() => compiled.check(items, 20_000))).toBeLessThan(20);
    expect(compiled.check([{ i: 1 }, { i: 1 }], 4)).toHaveLength(1);
  });

  test("ten thousand wrong elements are one finding", () => {
    const compiled = compile({ type: "array", items: { type: "string" } });
    const items = Array.from({ length: 10_000 }, () => 1);
    expect(cpuMs(() => compiled.check(items, 10_000))).toBeLessThan(20);
  });
});
