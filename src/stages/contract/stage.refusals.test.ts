/** The contract stage through its handlers: rows for every code it can say to a caller. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { codeOf, decide, SCHEMA, type Sent, type Setup } from "./contract-requests.test-support.ts";

describe("every code", () => {
  const withSchema: Setup = { settings: { request: SCHEMA } };
  const gzip: Setup = { settings: { contentEncodings: ["gzip"] } };
  const json = "application/json";
  const gzipped = { "content-type": json, "content-encoding": "gzip" };
  test.for<[string, number, string, Sent, Setup?]>([
    [
      "contract.method_not_allowed",
      405,
      "a method that is not the route's",
      { method: "PUT", body: "{}" },
    ],
    [
      "contract.method_not_allowed",
      405,
      "a method in another case",
      { method: "post", body: "{}" },
    ],
    ["contract.method_not_allowed", 405, "HEAD where only GET is named", { method: "HEAD" }],
    [
      "contract.content_type_refused",
      415,
      "another type",
      { headers: { "content-type": "text/plain" }, body: "{}" },
    ],
    ["contract.content_type_refused", 415, "no type", { headers: {}, body: "{}" }],
    [
      "contract.content_type_refused",
      415,
      "no type on chunks",
      { headers: {}, body: "{}", isChunked: true },
    ],
    [
      "contract.content_type_refused",
      415,
      "another charset",
      { headers: { "content-type": `${json}; charset=utf-16` }, body: "{}" },
    ],
    [
      "contract.content_encoding_refused",
      415,
      "a compressed body",
      { headers: gzipped, body: gzipSync("{}") },
    ],
    [
      "contract.content_encoding_refused",
      415,
      "two encodings",
      { headers: { ...gzipped, "content-encoding": "gzip, gzip" }, body: gzipSync("{}") },
      gzip,
    ],
    [
      "contract.content_encoding_refused",
      415,
      "a damaged compressed body",
      { headers: gzipped, body: "{}" },
      gzip,
    ],
    [
      "contract.content_encoding_refused",
      415,
      "bytes behind a compressed body",
      { headers: gzipped, body: Buffer.concat([gzipSync("{}"), Buffer.from("{}")]) },
      gzip,
    ],
    [
      "contract.body_too_large",
      413,
      "a declared length over the limit",
      { body: "{}", contentLength: 65_537 },
    ],
    [
      "contract.body_too_large",
      413,
      "a body that inflates beyond the limit",
      { headers: gzipped, body: gzipSync(`"${"x".repeat(70_000)}"`) },
      gzip,
    ],
    [
      "contract.body_too_large",
      413,
      "a body that inflates beyond the ratio",
      { headers: gzipped, body: gzipSync(`"${"x".repeat(40_000)}"`) },
      gzip,
    ],
    [
      "contract.json_value_too_long",
      400,
      "a string over its limit",
      { body: '"abcd"' },
      { defaults: { json: { string: "3B" } } },
    ],
    [
      "contract.json_value_too_long",
      400,
      "a key over its limit",
      { body: '{"abcd":1}' },
      { defaults: { json: { key: "3B" } } },
    ],
    [
      "contract.json_value_too_long",
      400,
      "a number over its limit",
      { body: "12345" },
      { defaults: { json: { number: "4B" } } },
    ],
    ["contract.body_missing", 400, "no body where there is a schema", {}, withSchema],
    ["contract.body_missing", 400, "chunks without content", { isChunked: true }, withSchema],
    [
      "contract.body_missing",
      400,
      "no body where one is required",
      {},
      { settings: { requestBody: "required" } },
    ],
    ["contract.body_unexpected", 400, "a body to GET", { method: "GET", body: "{}" }],
    [
      "contract.body_unexpected",
      400,
      "a body to GET in chunks",
      { method: "GET", body: "{}", isChunked: true },
    ],
    [
      "contract.body_unexpected",
      400,
      "a body to GET in chunks on a streamed route",
      { method: "GET", isChunked: true },
      { route: { bodyMode: "stream" } },
    ],
    [
      "contract.body_unexpected",
      400,
      "a body where it is forbidden",
      { body: "{}" },
      { settings: { requestBody: "forbidden" } },
    ],
    ["contract.json_malformed", 400, "broken JSON", { body: '{"a":' }],
    ["contract.json_malformed", 400, "trailing data", { body: "{}x" }],
    ["contract.json_malformed", 400, "only white space", { body: " " }],
    ["contract.json_malformed", 400, "a byte order mark", { body: "\ufeff{}" }],
    ["contract.json_malformed", 400, "half a surrogate pair", { body: String.raw`"\ud800"` }],
    ["contract.json_malformed", 400, "a number beyond a double", { body: "1e999" }],
    [
      "contract.json_malformed",
      400,
      "broken JSON of a suffix type",
      { headers: { "content-type": "application/vnd.x+json" }, body: "{" },
      { settings: { contentTypes: ["application/vnd.x+json", "text/plain"] } },
    ],
    [
      "contract.json_malformed",
      400,
      "broken JSON in a compressed body",
      { headers: gzipped, body: gzipSync("{") },
      gzip,
    ],
    ["contract.json_too_deep", 400, "33 levels", { body: "[".repeat(33) + "]".repeat(33) }],
    [
      "contract.json_too_deep",
      400,
      "a route's own depth",
      { body: "[[[]]]" },
      { settings: { json: { depth: 2 } } },
    ],
    [
      "contract.json_too_many_members",
      400,
      "10,001 elements",
      { body: `[${"1,".repeat(10_000)}1]` },
    ],
    [
      "contract.json_duplicate_key",
      400,
      "a repeated key",
      { body: '{"role":"user","role":"admin"}' },
    ],
    [
      "contract.json_duplicate_key",
      400,
      "a key repeated through an escape",
      { body: String.raw`{"role":1,"\u0072ole":2}` },
    ],
    ["contract.json_forbidden_key", 400, "__proto__", { body: '{"__proto__":{"isAdmin":true}}' }],
    [
      "contract.json_forbidden_key",
      400,
      "constructor.prototype",
      { body: '{"constructor":{"prototype":{}}}' },
    ],
    [
      "contract.json_forbidden_key",
      400,
      "an escaped __proto__",
      { body: String.raw`{"__pr\u006fto__":1}` },
    ],
    [
      "contract.json_invalid_utf8",
      400,
      "overlong UTF-8",
      { body: Buffer.from([0x22, 0xc0, 0xaf, 0x22]) },
    ],
    [
      "contract.json_invalid_utf8",
      400,
      "UTF-16",
      { body: Buffer.from("{}", "utf16le").fill(0xff, 0, 1) },
    ],
    ["contract.schema_violation", 400, "a missing property", { body: "{}" }, withSchema],
    [
      "contract.schema_violation",
      400,
      "a property too many",
      { body: '{"age":1,"x":1}' },
      withSchema,
    ],
    [
      "contract.parameter_invalid",
      400,
      "an undeclared query parameter",
      { method: "GET", query: "debug=1" },
      { settings: { query: "strict" } },
    ],
  ])("%s (%d): %s", ([code, status, , sent, setup]) => {
    const decision = decide(sent, setup);
    expect(codeOf(decision)).toBe(code);
    expect(decision).toMatchObject({ rejection: { status } });
  });
});
