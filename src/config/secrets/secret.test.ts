import { format, inspect } from "node:util";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { Secret } from "./secret.ts";

const VALUE = "canary-7f3a";
const secret = Secret.fromText(VALUE);

describe("a secret does not leave by accident", () => {
  test.each<[string, () => string]>([
    ["String()", () => String(secret)],
    ["a template", () => `<${secret as unknown as string}>`],
    ["concatenation", () => "a " + (secret as unknown as string)],
    ["JSON.stringify", () => JSON.stringify({ secret })],
    ["JSON.stringify of a list", () => JSON.stringify([secret])],
    ["inspect", () => inspect(secret)],
    [
      "inspect with everything shown",
      () => inspect({ secret }, { showHidden: true, depth: 9, getters: true }),
    ],
    [
      "inspect without custom inspection",
      () => inspect(secret, { customInspect: false, showHidden: true }),
    ],
    ["format %s", () => format("%s", secret)],
    ["format %o", () => format("%o", secret)],
    ["format %j", () => format("%j", secret)],
    ["own keys", () => JSON.stringify(Reflect.ownKeys(secret).map(String))],
    ["a copy", () => JSON.stringify(Object.assign({}, secret))],
    ["structuredClone", () => JSON.stringify(structuredClone(secret))],
    ["an error's message", () => new Error(`no: ${String(secret)}`).stack ?? ""],
    [
      "a log line",
      () => {
        let line = "";
        pino({}, { write: (text) => (line += text) }).info({ secret, nested: { secret } }, "x");
        return line;
      },
    ],
  ])("through %s", (_, leak) => {
    const text = leak();
    expect(text).not.toContain(VALUE);
    expect(text).not.toContain(Buffer.from(VALUE).toString("hex"));
    expect(text).not.toContain(Buffer.from(VALUE).toString("base64"));
  });
});

test("reveal gives the text, revealBytes a copy", () => {
  expect(secret.reveal()).toBe(VALUE);
  secret.revealBytes().fill(0);
  expect(secret.reveal()).toBe(VALUE);
  expect(secret.byteLength).toBe(11);
});

test("bytes that are not text survive", () => {
  const bytes = Uint8Array.from([0, 255, 128]);
  expect([...Secret.fromBytes(bytes).revealBytes()]).toEqual([0, 255, 128]);
});

test("equality compares values", () => {
  expect(secret.equals(Secret.fromText(VALUE))).toBe(true);
  expect(secret.equals(Secret.fromText("canary-7f3b"))).toBe(false);
  expect(secret.equals(Secret.fromText("c"))).toBe(false);
});
