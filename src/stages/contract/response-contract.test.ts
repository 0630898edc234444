/** Answers of an upstream against the schema of their route. */
import { describe, expect, test } from "vitest";
import { bind, contextOf, SCHEMA, type Setup } from "./contract-requests.test-support.ts";

describe("answers", () => {
  const setup: Setup = {
    settings: { response: { ...SCHEMA, file: "churn.response.json" } },
    defaults: { responseLimit: "1KiB" },
  };
  const { handlers, bound } = bind(setup);
  const JSON_TYPE = ["content-type", "application/json"];
  const judge = (
    body: string | Buffer,
    status = 200,
    headers: readonly string[] = JSON_TYPE,
    method = "POST",
  ) =>
    handlers.onResponse?.(contextOf({ method }, bound), {
      status,
      headers,
      body: Buffer.from(body),
    });

  test.for<[string, string, Parameters<typeof judge>]>([
    ["contract.response_invalid", "a violation of the schema", ['{"age":"x"}']],
    ["contract.response_invalid", "broken JSON", ["{"]],
    ["contract.response_invalid", "a repeated key", ['{"age":1,"age":2}']],
    [
      "contract.response_invalid",
      "another type",
      ['{"age":1}', 200, ["content-type", "text/html"]],
    ],
    ["contract.response_invalid", "no type", ['{"age":1}', 200, []]],
    [
      "contract.response_invalid",
      "an event stream",
      ["data: 1\n\n", 200, ["content-type", "text/event-stream"]],
    ],
    [
      "contract.response_invalid",
      "a compressed body",
      ['{"age":1}', 200, [...JSON_TYPE, "content-encoding", "br"]],
    ],
    ["contract.response_invalid", "an empty success", ["", 204, []]],
    ["contract.response_too_large", "an answer over the limit", [`{"age":1}${" ".repeat(1024)}`]],
  ])("%s: %s", ([code, , args]) => {
    const decision = judge(...args);
    expect(decision).toMatchObject({ verdict: "reject", rejection: { code, status: 502 } });
    // What is wrong is between operator and upstream.
    expect(decision).not.toHaveProperty("rejection.violations");
    expect(decision).toHaveProperty("rejection.cause");
  });

  test.for<[string, Parameters<typeof judge>]>([
    ["an answer that matches", ['{"age":1}']],
    [
      "an answer with a charset",
      ['{"age":1}', 201, ["content-type", "application/json; charset=utf-8"]],
    ],
    ["an error of the upstream, unjudged", ["<p>", 404, ["content-type", "text/html"]]],
    ["a redirect, unjudged", ["", 302, []]],
    ["an answer to HEAD", ["", 200, JSON_TYPE, "HEAD"]],
  ])("passes %s", ([, args]) => {
    expect(judge(...args)).toEqual({ verdict: "continue" });
  });

  test("an answer may have far more elements than a request", () => {
    const response = { file: "x.json", text: '{"type":"array","items":{"type":"number"}}' };
    const big = bind({ settings: { response } });
    const body = Buffer.from(JSON.stringify(Array.from({ length: 100_000 }, () => 0.5)));
    expect(
      big.handlers.onResponse?.(contextOf({}, big.bound), {
        status: 200,
        headers: JSON_TYPE,
        body,
      }),
    ).toEqual({ verdict: "continue" });
  });
});
