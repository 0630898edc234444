/** The contract stage through its handlers: what passes, what callers are told, and what is a load error. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { contractSchema } from "./config.ts";
import { SchemaLoadError } from "./schema.ts";
import { contract } from "./stage.ts";
import {
  bind,
  contextOf,
  decide,
  ROUTE,
  SCHEMA,
  type Sent,
  type Setup,
} from "./contract-requests.test-support.ts";

describe("passes", () => {
  const gzip: Setup = { settings: { contentEncodings: ["gzip"] } };
  test.for<[string, Sent, unknown, Setup?]>([
    ["JSON, and learns its value", { body: '{"a":[1,"x"]}' }, { a: [1, "x"] }],
    ["JSON in chunks", { body: "[]", isChunked: true }, []],
    [
      "a declared charset",
      { headers: { "content-type": "application/json; charset=utf-8" }, body: "1" },
      1,
    ],
    [
      "a quoted charset in capitals",
      { headers: { "content-type": 'Application/JSON ;\tCharset="UTF-8"' }, body: "1" },
      1,
    ],
    [
      "another parameter",
      { headers: { "content-type": "application/json; profile=x;" }, body: "1" },
      1,
    ],
    [
      "identity encoding",
      {
        headers: { "content-type": "application/json", "content-encoding": "Identity" },
        body: "1",
      },
      1,
    ],
    ["a body at exactly the limit", { body: `"${"x".repeat(65_534)}"` }, "x".repeat(65_534)],
    [
      "a body that matches the schema",
      { body: '{"age":42}' },
      { age: 42 },
      { settings: { request: SCHEMA } },
    ],
    [
      "a compressed body where the route allows it",
      {
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
        body: gzipSync('{"a":1}'),
      },
      { a: 1 },
      gzip,
    ],
    ["an uncompressed body where the route allows both", { body: "{}" }, {}, gzip],
    [
      "a repeated key where the operator allows it",
      { body: '{"a":1,"a":2}' },
      { a: 2 },
      { defaults: { json: { duplicateKeys: "allow" } } },
    ],
    [
      "constructor where the operator allows it",
      { body: '{"constructor":1}' },
      { constructor: 1 },
      { settings: { json: { forbiddenKeys: [] } } },
    ],
  ])("%s", ([, sent, json, setup]) => {
    expect(decide(sent, setup)).toEqual({ verdict: "continue", learned: { json } });
  });

  test.for<[string, Sent, Setup?]>([
    ["GET without a body", { method: "GET", headers: {} }],
    ["POST without a body where there is no schema", { headers: {} }],
    [
      "a type that is not JSON, unread",
      { headers: { "content-type": "text/csv" }, body: "a;b\xff" },
      { settings: { contentTypes: ["text/csv"] } },
    ],
    ["any body of a streamed route, unread", { body: "{" }, { route: { bodyMode: "stream" } }],
    ["any query of an open route", { query: "a=%zz&a&__proto__=1", headers: {} }],
  ])("%s, and learns nothing", ([, sent, setup]) => {
    expect(decide(sent, setup)).toEqual({ verdict: "continue" });
  });

  test("nothing is bound to the pseudo-route of unmatched paths", () => {
    const stage = contract({ defaults: contractSchema.parse({}), routes: new Map() });
    expect(stage.bind({ ...ROUTE, upstream: undefined })).toBeNull();
  });

  test("a route that says nothing gets the defaults", () => {
    const stage = contract({ defaults: contractSchema.parse({}), routes: new Map() });
    expect(stage.bind(ROUTE)?.onBody?.(contextOf({ body: "{" }, ROUTE))).toMatchObject({
      verdict: "reject",
    });
    expect(stage.bind(ROUTE)).not.toHaveProperty("onResponse");
  });
});

describe("what the caller is told", () => {
  test("405 lists the route's methods", () => {
    expect(decide({ method: "DELETE" })).toMatchObject({
      rejection: { headers: ["allow", "POST, GET"] },
    });
  });

  test("JSON flaws by pointer and offset, without a value", () => {
    const decision = decide({ body: '{"a":{"secret":1,"secret":"hunter2"}}' });
    expect(decision).toMatchObject({
      rejection: {
        violations: [{ pointer: "/a/secret", message: "the key is repeated, at byte 17" }],
      },
    });
    expect(JSON.stringify(decision)).not.toContain("hunter2");
  });

  test("the private cause repeats none of the caller's keys", () => {
    const decision = decide({ body: '{"hunter2":1,"hunter2":1}' });
    expect(decision.verdict === "reject" && decision.rejection.cause).not.toContain("hunter2");
  });

  test("schema violations by pointer", () => {
    expect(decide({ body: '{"age":-1}' }, { settings: { request: SCHEMA } })).toMatchObject({
      rejection: { violations: [{ pointer: "/age", message: "must be >= 0" }] },
    });
  });
});

describe("load errors", () => {
  test.for<[string, Setup, string]>([
    [
      "a schema on a streamed body",
      { route: { bodyMode: "stream" }, settings: { request: SCHEMA } },
      "streamed",
    ],
    [
      "a schema on a forbidden body",
      { settings: { request: SCHEMA, requestBody: "forbidden" } },
      "forbidden",
    ],
    [
      "a schema for text",
      { settings: { request: SCHEMA, contentTypes: ["application/json", "text/plain"] } },
      "JSON only",
    ],
    [
      "a schema where only GET is served",
      { route: { methods: ["GET"] }, settings: { request: SCHEMA } },
      "GET and HEAD",
    ],
    [
      "a rule for a parameter the path does not have",
      {
        settings: { parameters: { path: { model: { type: "slug", required: false } }, query: {} } },
      },
      '"model"',
    ],
  ])("%s", ([, setup, reason]) => {
    expect(() => bind(setup)).toThrow(reason);
  });

  test("a schema that does not compile", () => {
    expect(() => bind({ settings: { request: { file: "a.json", text: '{"type":"x"}' } } })).toThrow(
      SchemaLoadError,
    );
    expect(() => bind({ settings: { response: { file: "a.json", text: "{" } } })).toThrow(
      SchemaLoadError,
    );
  });
});
