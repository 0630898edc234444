/** Masking: what is cut out, what is left exactly as it was, and which answers cannot be masked at all. */
import { applyEdits } from "../../pipeline/response.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CallerRequest, RequestContext, Route } from "../../pipeline/request-context.ts";
import { maskSchema, type MaskRules } from "./config.ts";
import { compileMasker } from "./mask-json.ts";
import { masking } from "./stage.ts";

type MaskInput = Partial<MaskRules>;
const rulesOf = (input: MaskInput): MaskRules => maskSchema.parse(input);
const mask = (input: MaskInput, text: string) => compileMasker(rulesOf(input))(text);

describe("replaces", () => {
  test.for<[string, MaskInput, string, string]>([
    ["a member by pointer", { pointers: ["/a"] }, '{"a":1,"b":2}', '{"a":"***","b":2}'],
    [
      "a nested member",
      { pointers: ["/a/b"] },
      '{"a":{"b":1,"c":2},"b":3}',
      '{"a":{"b":"***","c":2},"b":3}',
    ],
    ["a whole object", { pointers: ["/a"] }, '{"a":{"x":["}",{}]},"b":2}', '{"a":"***","b":2}'],
    ["an element", { pointers: ["/1"] }, "[1,2,3]", '[1,"***",3]'],
    [
      "every element",
      { pointers: ["/*/iban"] },
      '[{"iban":1},{"x":2},{"iban":{"y":3}}]',
      '[{"iban":"***"},{"x":2},{"iban":"***"}]',
    ],
    ["every member", { pointers: ["/*"] }, '{"a":1,"b":[2]}', '{"a":"***","b":"***"}'],
    [
      "wildcard and name together",
      { pointers: ["/*/b", "/x/c"] },
      '{"x":{"b":1,"c":2},"y":{"b":3,"c":4}}',
      '{"x":{"b":"***","c":"***"},"y":{"b":"***","c":4}}',
    ],
    [
      "a field at every depth",
      { fields: ["ssn"] },
      '{"ssn":1,"a":[{"ssn":"2","b":{"ssn":null}}]}',
      '{"ssn":"***","a":[{"ssn":"***","b":{"ssn":"***"}}]}',
    ],
    [
      "a field inside what is masked, once",
      { fields: ["a"], pointers: ["/x"] },
      '{"x":{"a":1},"a":2}',
      '{"x":"***","a":"***"}',
    ],
    [
      "both spellings of a repeated key",
      { fields: ["a"] },
      String.raw`{"a":1,"\u0061":2,"b":3}`,
      String.raw`{"a":"***","\u0061":"***","b":3}`,
    ],
    [
      "an escaped key by pointer",
      { pointers: ["/a~1b/c~0d"] },
      String.raw`{"a\/b":{"c~d":1}}`,
      String.raw`{"a\/b":{"c~d":"***"}}`,
    ],
    [
      "a key that looks escaped twice",
      { pointers: ["/~01"] },
      '{"~1":1,"/":2}',
      '{"~1":"***","/":2}',
    ],
    ["the empty key", { pointers: ["/"] }, '{"":1,"a":2}', '{"":"***","a":2}'],
    [
      "a key ending in backslashes",
      { fields: ["a\\"] },
      String.raw`{"a\\":1,"b\\\"":2}`,
      String.raw`{"a\\":"***","b\\\"":2}`,
    ],
    [
      "a string with quotes and brackets",
      { fields: ["a"] },
      String.raw`{"a":"\"}],","b":"\\"}`,
      String.raw`{"a":"***","b":"\\"}`,
    ],
    ["a non-ASCII key", { fields: ["né"] }, '{"né":"€𝄞","x":"€𝄞"}', '{"né":"***","x":"€𝄞"}'],
    [
      "an index, and a member named like it",
      { pointers: ["/a/0"] },
      '{"a":{"0":1}}',
      '{"a":{"0":"***"}}',
    ],
    [
      "__proto__ as any other name",
      { fields: ["__proto__"] },
      '{"__proto__":{"a":1}}',
      '{"__proto__":"***"}',
    ],
    [
      "with a replacement that needs escapes",
      { fields: ["a"], replacement: '"\n' },
      '{"a":1}',
      String.raw`{"a":"\"\n"}`,
    ],
    [
      "and leaves numbers, spaces and escapes alone",
      { fields: ["k"] },
      '{ "n" : 1.0 ,\n "big":12345678901234567890, "e":1E+2,\t"k" : [ ] ,"s":"\\u0041\\/" }\n',
      '{ "n" : 1.0 ,\n "big":12345678901234567890, "e":1E+2,\t"k" : "***" ,"s":"\\u0041\\/" }\n',
    ],
    [
      "nothing that is not there",
      { pointers: ["/b/c", "/a/0/x"], fields: ["z"] },
      '{"a":[1],"b":2}',
      '{"a":[1],"b":2}',
    ],
    ["nothing in a scalar", { fields: ["z"] }, " 42 ", " 42 "],
    [
      "no value that equals a field's name",
      { fields: ["a"] },
      '{"b":"a","c":["a"]}',
      '{"b":"a","c":["a"]}',
    ],
  ])("%s", ([, rules, text, expected]) => {
    expect(mask(rules, text)).toBe(expected);
  });
});

describe("removes", () => {
  test.for<[string, MaskInput, string, string]>([
    ["the only member", { fields: ["a"] }, '{"a":1}', "{}"],
    ["the first member", { fields: ["a"] }, '{"a":1,"b":2}', '{"b":2}'],
    ["the last member", { fields: ["b"] }, '{"a":1,"b":2}', '{"a":1}'],
    ["a member in the middle", { fields: ["b"] }, '{"a":1,"b":2,"c":3}', '{"a":1,"c":3}'],
    ["the first two", { fields: ["a", "b"] }, '{"a":1,"b":2,"c":3}', '{"c":3}'],
    ["the last two", { fields: ["b", "c"] }, '{"a":1,"b":2,"c":3}', '{"a":1}'],
    ["all of them", { pointers: ["/*"] }, '{"a":1,"b":2,"c":3}', "{}"],
    ["first and last", { fields: ["a", "c"] }, '{"a":1,"b":2,"c":3}', '{"b":2}'],
    ["elements", { pointers: ["/0", "/2"] }, "[1,2,3,4]", "[2,4]"],
    ["all elements", { pointers: ["/*"] }, "[[1],{}]", "[]"],
    [
      "below a member that stays",
      { fields: ["x"] },
      '{"a":{"x":1},"x":2,"b":[{"x":3,"y":4}]}',
      '{"a":{},"b":[{"y":4}]}',
    ],
    [
      "behind a member with edits of its own",
      { fields: ["x"] },
      '{"a":{"y":1,"x":2},"x":3}',
      '{"a":{"y":1}}',
    ],
    [
      "among spaces",
      { fields: ["b"] },
      '{ "a" : 1 , "b" : 2 , "c" : 3 }',
      '{ "a" : 1  , "c" : 3 }',
    ],
  ])("%s", ([, rules, text, expected]) => {
    const masked = mask({ ...rules, action: "remove" }, text);
    expect(masked).toBe(expected);
    expect(() => JSON.parse(masked ?? "")).not.toThrow();
  });
});

describe("properties", () => {
  const name = fc.constantFrom("a", "b", "secret", 'c"d', "é");
  const tree = fc.letrec<{ value: unknown; list: unknown; record: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(1, -0.5, "x", 'a\\"', null, true),
      tie("list"),
      tie("record"),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
    record: fc.dictionary(name, tie("value"), { maxKeys: 4 }),
  })).value;
  const spacing = fc.constantFrom(0, 2, "\t");

  const naive = (value: unknown, isRemoved: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => naive(item, isRemoved));
    if (typeof value !== "object" || value === null) return value;
    const kept = Object.entries(value).filter(([key]) => !(isRemoved && key === "secret"));
    return Object.fromEntries(
      kept.map(([key, item]) => [key, key === "secret" ? "***" : naive(item, isRemoved)]),
    );
  };

  test.each(["replace", "remove"] as const)(
    "%s does to the text what a naive walk does to the value",
    (action) => {
      const masker = compileMasker(rulesOf({ fields: ["secret"], action }));
      fc.assert(
        fc.property(tree, spacing, (value, space) => {
          const masked = masker(JSON.stringify(value, null, space)) ?? "";
          const plain = JSON.parse(JSON.stringify(value)) as unknown;
          expect(JSON.parse(masked)).toEqual(naive(plain, action === "remove"));
        }),
        { numRuns: 1000 },
      );
    },
  );
});

const route: Route = {
  id: "r",
  template: "/r",
  methods: ["GET"],
  model: undefined,
  version: undefined,
  upstream: "u",
  bodyLimitBytes: 1000,
  bodyMode: "buffer",
};
const context = { request: { method: "GET" } as CallerRequest, route } as RequestContext;

describe("the stage", () => {
  const stage = masking({ routes: new Map([["r", rulesOf({ fields: ["a"] })]]) });
  const handlers = stage.bind(route);
  const answer = (
    body: string | Buffer,
    headers: readonly string[] = ["content-type", "application/json"],
    status = 200,
  ) => handlers?.onResponse?.(context, { status, headers, body: Buffer.from(body) });

  test("has nothing to do on a route without a mask", () => {
    expect(stage.bind({ ...route, id: "other" })).toBeNull();
  });

  test("replaces the body only when something was masked", () => {
    expect(answer('{"a":1}')).toEqual({ verdict: "replace", body: Buffer.from('{"a":"***"}') });
    expect(answer('{"b":1}')).toEqual({ verdict: "continue" });
  });

  test.for<[string, readonly string[]]>([
    ["problem details", ["content-type", "application/problem+json"]],
    ["a charset", ["content-type", "Application/JSON; charset=UTF-8"]],
    ["a quoted charset", ["content-type", 'application/json;charset="utf-8"; v=1']],
    ["identity encoding", ["content-type", "application/json", "content-encoding", "identity"]],
  ])("reads JSON with %s", ([, headers]) => {
    expect(answer('{"a":1}', headers)).toMatchObject({ verdict: "replace" });
  });

  test("masks an upstream's errors too", () => {
    expect(answer('{"a":1}', ["content-type", "application/json"], 500)).toMatchObject({
      verdict: "replace",
    });
  });

  test.for<[string, string | Buffer, readonly string[]]>([
    ["plain text", "a=1", ["content-type", "text/plain"]],
    ["HTML", "<p>", ["content-type", "text/html"]],
    ["an event stream", 'data: {"a":1}\n\n', ["content-type", "text/event-stream"]],
    ["lines of JSON", '{"a":1}\n{"a":2}', ["content-type", "application/x-ndjson"]],
    ["lines of JSON said to be JSON", '{"a":1}\n{"a":2}', ["content-type", "application/json"]],
    ["no content type", '{"a":1}', []],
    [
      "a compressed body",
      '{"a":1}',
      ["content-type", "application/json", "content-encoding", "gzip"],
    ],
    ["another charset", '{"a":1}', ["content-type", "application/json; charset=utf-16"]],
    [
      "a charset that only begins like UTF-8",
      '{"a":1}',
      ["content-type", "application/json; charset=utf-8x"],
    ],
    ["damaged JSON", '{"a":1', ["content-type", "application/json"]],
    ["invalid UTF-8", Buffer.from([0x22, 0xff, 0x22]), ["content-type", "application/json"]],
    ["a byte order mark", '\ufeff{"a":1}', ["content-type", "application/json"]],
  ])("refuses what cannot be masked: %s", ([, body, headers]) => {
    expect(answer(body, headers)).toMatchObject({
      verdict: "reject",
      rejection: { code: "masking.response_unreadable", status: 502 },
    });
  });

  test("an empty answer has nothing to mask", () => {
    expect(answer("", [])).toEqual({ verdict: "continue" });
  });

  test("fields that speak of the unmasked bytes are removed", () => {
    const headers = ["etag", '"a"', "content-digest", "b", "content-md5", "c", "x-kept", "d"];
    applyEdits(headers, handlers?.decorate?.(context, 200) ?? []);
    expect(headers).toEqual(["x-kept", "d"]);
  });

  test("depth and size are no way out", () => {
    const deep = `${"[".repeat(200_000)}{"a":1}${"]".repeat(200_000)}`;
    expect(answer(deep)).toMatchObject({ verdict: "replace" });
    for (const pump of ['{"b":"\\\\\\""},', '"x",', '[{"b":1}],', '"\\\\",', "1 ,  "]) {
      const text = `[${pump.repeat(20_000)}{"a":1}]`;
      const from = process.cpuUsage();
      expect(answer(text)).toMatchObject({ verdict: "replace" });
      const { user, system } = process.cpuUsage(from);
      expect((user + system) / 1000).toBeLessThan(300);
    }
  });
});

describe("configuration", () => {
  test.each([
    ["the whole document", { pointers: [""] }],
    ["a pointer without a slash", { pointers: ["a"] }],
    ["a bad escape", { pointers: ["/a~2"] }],
    ["an escape cut short", { pointers: ["/a~"] }],
    ["the element behind the last", { pointers: ["/a/-"] }],
    ["an unknown setting", { fields: ["a"], depth: 1 }],
    ["a mask that masks nothing", {}],
  ])("refuses %s", (_, input) => {
    expect(maskSchema.safeParse(input).success).toBe(false);
  });
});
