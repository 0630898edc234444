import { describe, expect, test } from "vitest";
import { FieldKinds } from "./field-kinds.ts";

const CHAT = {
  type: "object",
  additionalProperties: false,
  $defs: {
    part: {
      type: "object",
      properties: {
        type: { enum: ["text", "image_url"] },
        text: { type: "string" },
        image_url: { type: "object", properties: { url: { type: "string" } } },
      },
    },
    message: {
      type: "object",
      properties: {
        role: { enum: ["user", "assistant", "tool"] },
        content: {
          anyOf: [{ type: "string" }, { type: "array", items: { $ref: "#/$defs/part" } }],
        },
        tool_calls: {
          type: "array",
          items: { properties: { function: { properties: { arguments: { type: "string" } } } } },
        },
      },
    },
  },
  properties: {
    model: { type: "string", pattern: "^[a-z0-9.-]{1,64}$" },
    temperature: { type: ["number", "null"] },
    stream: { type: "boolean" },
    n: { const: 1 },
    id: { type: "string", format: "uuid" },
    user: { type: "string", maxLength: 64 },
    messages: { type: "array", items: { $ref: "#/$defs/message" } },
    mixed: { anyOf: [{ type: "number" }, { type: "string" }] },
    "dotted.key": { type: "string", "x-portcullis-kind": "identifier" },
    anything: {},
    tree: { $ref: "#" },
    notes: { type: "object", additionalProperties: { type: "integer" } },
  },
};

const of = (schema: unknown, declared = {}): FieldKinds => new FieldKinds({ schema, declared });

describe("kinds by schema", () => {
  const kinds = of(CHAT);
  test.each([
    ["a pattern without room for sentences", "json.model", "identifier"],
    ["a number that may be null", "json.temperature", "number"],
    ["a truth value", "json.stream", "number"],
    ["a constant number", "json.n", "number"],
    ["a UUID", "json.id", "identifier"],
    ["a short text without a pattern is text", "json.user", undefined],
    ["a chat message", "json.messages.3.content", "prompt"],
    ["a part of a chat message", "json.messages.3.content.0.text", "prompt"],
    ["a closed list", "json.messages.0.role", ["user", "assistant", "tool"]],
    ["a list inside of parts", "json.messages.0.content.0.type", ["text", "image_url"]],
    ["an address in a message is no prompt", "json.messages.0.content.0.image_url.url", undefined],
    ["arguments of a tool call", "json.messages.0.tool_calls.0.function.arguments", undefined],
    [
      "JSON inside of arguments",
      "json.messages.0.tool_calls.0.function.arguments.json.q",
      undefined,
    ],
    ["JSON inside of a prompt", "json.messages.0.content.json.q", "prompt"],
    ["base64 inside of a prompt", "json.messages.0.content.base64", "prompt"],
    ["a value of two kinds", "json.mixed", undefined],
    ["a key with a dot", "json.dotted.key", "identifier"],
    ["a place that says nothing", "json.anything", undefined],
    ["below a place that says nothing", "json.anything.messages.0.content", undefined],
    ["a schema inside of itself", "json.tree.tree.temperature", "number"],
    ["prompts are known by their whole path", "json.tree.messages.0.content", undefined],
    ["a member under no declared name", "json.notes.whatever", "number"],
    ["what is not declared", "json.other", undefined],
    ["what is no JSON", "temperature", undefined],
  ])("%s", (_, name, kind) => {
    expect(kinds.kindOf(name)).toEqual(kind);
  });

  test("a name is remembered with its kind, also when it has none", () => {
    for (let time = 0; time < 2; time++) {
      expect(kinds.kindOf("json.other")).toBeUndefined();
      expect(kinds.kindOf("json.model")).toBe("identifier");
    }
  });

  test("names are bytes, and the schema's are text", () => {
    const name = Buffer.from("json.größe", "utf8").toString("latin1");
    expect(of({ properties: { größe: { type: "number" } } }).kindOf(name)).toBe("number");
  });

  test("a schema's own word goes before what can be guessed", () => {
    const schema = {
      properties: { prompt: { type: "string", "x-portcullis-kind": "text" } },
    };
    expect(of(schema).kindOf("json.prompt")).toBe("text");
  });

  test("schemas that contradict one another leave text", () => {
    const word = (kind: string): object => ({ type: "string", "x-portcullis-kind": kind });
    const schema = { properties: { a: { anyOf: [word("prompt"), word("identifier")] } } };
    expect(of(schema).kindOf("json.a")).toBe("text");
  });

  test("references in a circle come to an end", () => {
    const schema = {
      $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } },
      $ref: "#/$defs/a",
    };
    expect(of(schema).kindOf("json.x")).toBeUndefined();
  });
});

test("the operator's words go before the schema's", () => {
  const kinds = of(CHAT, { "json.messages.*.content": "text", "json.items.array_0": "prompt" });
  expect(kinds.kindOf("json.messages.7.content")).toBe("text");
  expect(kinds.kindOf("json.items.0")).toBe("prompt");
  expect(kinds.kindOf("json.items.1")).toBeUndefined();
});

describe("whether a body may hold a field", () => {
  const kinds = of(CHAT);
  test.each([
    ["json.messages.*.content", true],
    ["json.messages.array_0.content", true],
    ["json.*.0.content", true],
    ["json.messages.*.content.json.q", true],
    ["json.messages.*.anything", true],
    ["json.notes.x", true],
    ["json.mesages.*.content", false],
    ["json.other", false],
    ["other", true],
  ])("%s: %s", (path, may) => {
    expect(kinds.mayHold(path)).toBe(may);
  });

  test("any, where there is no schema", () => {
    expect(of(undefined).mayHold("json.x")).toBe(true);
    expect(of(undefined).isEmpty).toBe(true);
  });
});
