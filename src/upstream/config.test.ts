/** What an operator may write about an upstream, and what is refused with which words. */
import { describe, expect, test } from "vitest";
import { upstreamSchema, upstreamsSchema } from "./config.ts";

const TARGET = "https://10.0.0.5:9000";

test("one target is enough; the defaults are the stated ones", () => {
  expect(upstreamSchema.parse({ targets: [TARGET] })).toEqual({
    targets: [{ url: TARGET, weight: 1 }],
    timeout: 30_000,
    connectTimeout: 2_000,
    idleTimeout: 60_000,
    keepAlive: 4_000,
    connections: 128,
    queue: 256,
    responseLimit: 1024 ** 3,
    responseHeaderLimit: 32 * 1024,
    streamAbove: 64 * 1024,
  });
});

test.each([
  "http://model:8080",
  "https://model.internal",
  "http://[::1]:9000",
  "https://10.0.0.5:9000",
])("the target %s is taken", (target) => {
  expect(upstreamSchema.parse({ targets: [target] }).targets[0]?.url).toBe(target);
});

describe("refused:", () => {
  test.each([
    [{ targets: [] }, "at least one target"],
    [{ targets: ["10.0.0.5:9000"] }, "not an http or https origin"],
    [{ targets: ["ftp://a"] }, "not an http or https origin"],
    [{ targets: ["unix:///run/a.sock"] }, "not an http or https origin"],
    [{ targets: ["https://a/v1"] }, "with a path"],
    [{ targets: ["https://a/"] }, "plain form"],
    [{ targets: ["https://a?x"] }, "with a path, query"],
    [{ targets: ["https://a:443"] }, "plain form"],
    [{ targets: ["http://0x7f.1"] }, "plain form"],
    [{ targets: ["http://127.1"] }, "plain form"],
    [{ targets: [TARGET, TARGET] }, "listed twice"],
    [{ targets: [{ url: TARGET, weight: 0 }] }, "weight"],
    [{ targets: [TARGET], timeout: 30 }, "expected a duration"],
    [{ targets: [TARGET], timeout: "1s" }, "`connectTimeout` is longer"],
    [{ targets: [TARGET], timeout: "5s", headerTimeout: "6s" }, "`headerTimeout` is longer"],
    [{ targets: [TARGET], tls: { certificate: "file:a" } }, "belong together"],
    [{ targets: ["http://a"], tls: { ca: "file:a" } }, "does nothing for an http target"],
    [{ targets: [TARGET], credential: { header: "host", secret: "env:A" } }, "writes itself"],
    [
      { targets: [TARGET], credential: { header: "x-portcullis-caller", secret: "env:A" } },
      "writes itself",
    ],
    [{ targets: [TARGET], credential: { header: "a b", secret: "env:A" } }, "not a header name"],
    [{ targets: [TARGET], retries: 3 }, "retries"],
  ])("%j", (input, message) => {
    const result = upstreamSchema.safeParse(input);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).toContain(message);
  });

  test("a password in a target, without repeating it", () => {
    const result = upstreamsSchema.safeParse({ a: { targets: ["https://user:hunter2@a"] } });
    expect(JSON.stringify(result.error?.issues)).toContain("with a user or password");
    expect(JSON.stringify(result.error)).not.toContain("hunter2");
  });
});

test.each(["authorization", "x-api-key", "X-Goog-Api-Key", "x-model-key"])(
  "a credential may be sent as %s",
  (header) => {
    const credential = { header, secret: "env:A" };
    expect(upstreamSchema.parse({ targets: [TARGET], credential }).credential?.header).toBe(
      header.toLowerCase(),
    );
  },
);
