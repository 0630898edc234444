/** Bodies made to take long: each must end quickly, and in a refusal. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bind, codeOf, contextOf, decide } from "./contract-requests.test-support.ts";

describe("attacks of 128 KiB end quickly", () => {
  const size = 131_072;
  const fill = (unit: string) => unit.repeat(Math.floor(size / unit.length));
  const text = {
    file: "t.json",
    text: JSON.stringify({
      type: "object",
      properties: {
        email: { type: "string", format: "email", pattern: "^([a-z0-9]+)*@(x+x+)+y$" },
      },
    }),
  };
  test.for<[string, string | Buffer]>([
    ["openers", fill("[")],
    ["object openers", fill('{"a":')],
    ["keys", `{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":1`).join()}}`],
    ["elements", `[${fill("1,")}1]`],
    ["a pump for the pattern", JSON.stringify({ email: fill("a") })],
    ["a pump for the format", JSON.stringify({ email: `a@${fill("a.")}!` })],
    ["a pump for a quadratic pattern", JSON.stringify({ email: `@${fill("x")}` })],
  ])("%s", ([, body]) => {
    const { handlers, bound } = bind({
      route: { bodyLimitBytes: 1_000_000 },
      settings: { request: text },
    });
    const context = contextOf({ body }, bound);
    let bestMs = Infinity;
    for (let i = 0; i < 4; i++) {
      const from = process.cpuUsage();
      const decision = handlers.onBody?.(context);
      const { user, system } = process.cpuUsage(from);
      bestMs = Math.min(bestMs, (user + system) / 1000);
      if (!body.toString().startsWith('{"k')) expect(decision).toMatchObject({ verdict: "reject" });
    }
    expect(bestMs).toBeLessThan(60);
  });

  test("a bomb is not unpacked", () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
    const from = process.cpuUsage();
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const setup = { settings: { contentEncodings: ["gzip" as const] } };
    expect(codeOf(decide({ headers, body: bomb }, setup))).toBe("contract.body_too_large");
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1000).toBeLessThan(200);
  });
});
