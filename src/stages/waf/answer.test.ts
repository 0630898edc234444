import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ResponseDecision } from "../../pipeline/stage.ts";
import { json, prepare, type Prepared } from "./waf.test-support.ts";

const ON = { section: { responses: "on" } } as const;
const LEAK = "error near ORA-00933 at line 1";

type Headers = Readonly<Record<string, string>>;

async function answer(
  { handlers, request }: Prepared,
  body: string | Buffer,
  headers: Headers = { "content-type": "application/json" },
): Promise<{ decision: ResponseDecision | undefined; answered: string | undefined }> {
  const { context } = await request(json({}));
  const decision = await handlers.onResponse?.(context, {
    status: 200,
    headers: Object.entries(headers).flat(),
    body: Buffer.from(body),
  });
  handlers.onEnd?.(context, { status: 200, wasForwarded: true, code: "ok" });
  return { decision, answered: context.facts.waf?.answer };
}

describe("an answer that is refused", () => {
  test.each<[string, string | Buffer, Headers]>([
    ["text that a rule refuses", LEAK, { "content-type": "text/plain; charset=utf-8" }],
    ["JSON under a vendor's name", `"${LEAK}"`, { "content-type": "application/vnd.x+json" }],
    ["an answer that does not say its type", LEAK, {}],
    ["gzip", gzipSync(LEAK), { "content-type": "text/plain", "content-encoding": "gzip" }],
    [
      "brotli",
      brotliCompressSync(LEAK),
      { "content-type": "text/plain", "content-encoding": "br" },
    ],
    ["a coding that is not known", "x", { "content-type": "text/plain", "content-encoding": "zz" }],
    ["a damaged coding", LEAK, { "content-type": "text/plain", "content-encoding": "gzip" }],
    ["a head that a rule refuses", "{}", { "content-type": "application/json", "x-debug": "on" }],
  ])("%s", async (_, body, headers) => {
    const { decision } = await answer(await prepare(ON), body, headers);
    expect(decision).toMatchObject({
      verdict: "reject",
      rejection: { code: "waf.response_blocked", status: 502 },
    });
  });
});

describe("an answer that passes", () => {
  test("ordinary JSON, read whole", async () => {
    const { decision, answered } = await answer(await prepare(ON), '{"probability":0.4}');
    expect(decision).toEqual({ verdict: "continue" });
    expect(answered).toBe("whole");
  });

  test("what is no text, of which the head is read", async () => {
    const { decision, answered } = await answer(await prepare(ON), LEAK, {
      "content-type": "application/octet-stream",
    });
    expect(decision).toEqual({ verdict: "continue" });
    expect(answered).toBe("head");
  });

  test("what detect mode only tells", async () => {
    const prepared = await prepare({ section: { responses: "on", mode: "detect" } });
    const { decision } = await answer(prepared, LEAK);
    expect(decision).toEqual({ verdict: "continue" });
  });

  test("after a request that was refused in shadow", async () => {
    const prepared = await prepare(ON);
    const { context, rejection } = await prepared.request(json({ note: "union select" }));
    expect(rejection).toBeDefined();
    const decision = await prepared.handlers.onResponse?.(context, {
      status: 200,
      headers: [],
      body: Buffer.from(LEAK),
    });
    expect(decision).toEqual({ verdict: "continue" });
  });
});

test("answers are not held where nobody asked for their inspection", async () => {
  const { handlers } = await prepare();
  expect("onResponse" in handlers).toBe(false);
});
