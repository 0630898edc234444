/** Whatever the bytes, the answer is a pack or a refusal with places in the file, after work in proportion to their number. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePack } from "../evaluate/evaluator.ts";
import { packContext } from "../fields.ts";
import type { Pack } from "../pack.ts";
import { PackRefused } from "../pack-error.ts";
import { readPack } from "./read-pack.ts";
import { SMALL_PACK } from "./refusal.test-support.ts";

/** The pack, or undefined when it is refused. What is thrown besides, and a refusal out of bounds, fails the test. */
function tryPack(bytes: Uint8Array): Pack | undefined {
  try {
    return readPack(bytes);
  } catch (error) {
    if (!(error instanceof PackRefused)) throw error;
    expect(error.findings.length).toBeGreaterThan(0);
    expect(error.findings.length).toBeLessThanOrEqual(100);
    expect(error.code).toBe(error.findings[0]?.code);
    const lines = bytes.reduce((count, byte) => count + Number(byte === 0x0a || byte === 0x0d), 1);
    for (const { code, line = 1, column = 1, message } of error.findings) {
      expect(code).toMatch(/^pack\.[a-z_0-9]+$/);
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(lines);
      expect(column).toBeGreaterThan(0);
      expect(message.length).toBeLessThan(4_000);
    }
    return undefined;
  }
}

const FRAGMENTS = [
  ..."version: tdln-chip/0.3 policies: wiring: outputs: id: logic: structure: sequence: parallel: aggregator: ANY trigger: action: HTTP 200 403 NOT(P_1) - [ ] { } , : & * ! | > ' \" # % @ ? << ~ 0x1f .inf null true \\u0000 \\ud800 P_1 W_1 allow_1 deny_1 AND OR ( ) == context.tenant MATCHES now()".split(
    " ",
  ),
  "\n",
  "\n  ",
  "\n  - ",
  "\n    ",
  "\t",
  " ",
  "---\n",
  "&a ",
  "*a",
  "!!str ",
  "\u0000",
  "\u202e",
  "\u{1f600}",
  "\r\n",
  "\ufeff",
  "e\u0301",
];

test("any bytes", () => {
  const fragments = fc
    .array(fc.constantFrom(...FRAGMENTS), { maxLength: 60 })
    .map((parts) => Buffer.from(parts.join("")));
  fc.assert(
    fc.property(fc.oneof(fragments, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      tryPack(bytes);
    }),
    { numRuns: 3_000 },
  );
});

test("a pack with bytes changed, doubled and cut off", () => {
  const original = Buffer.from(SMALL_PACK);
  const change = fc.record({
    at: fc.nat({ max: original.length }),
    remove: fc.nat({ max: 8 }),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(...FRAGMENTS).map((text) => Buffer.from(text)),
    ),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let bytes = original;
      for (const { at, remove, insert } of changes)
        bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
      const pack = tryPack(bytes);
      if (pack) compilePack(pack).trace(packContext({}), 0);
    }),
    { numRuns: 3_000 },
  );
});

test("a pack cut off anywhere is refused, but for its last newline", () => {
  const whole = Buffer.from(SMALL_PACK);
  for (let length = 0; length < whole.length - 10; length++)
    expect(tryPack(whole.subarray(0, length)), `${length} bytes`).toBeUndefined();
  expect(tryPack(whole.subarray(0, whole.length - 1))).toBeDefined();
});

const SIZE = 128 * 1024;
const pump = (part: string, size = SIZE): string => part.repeat(Math.ceil(size / part.length));
const rule = (logic: string): string =>
  SMALL_PACK.replace(/logic: .*/, () => `logic: ${JSON.stringify(logic)}`);
const count = (items: number, each: (index: number) => string): string =>
  Array.from({ length: items }, (_, index) => each(index)).join("");

describe("128 KiB of", () => {
  test.each([
    ["brackets", pump("[")],
    ["braces", pump("{")],
    ["braces with keys", pump("{a: ")],
    ["both", pump("[{")],
    ["dashes", pump("- ")],
    ["dashes on lines", pump("-\n")],
    ["question marks", pump("? ")],
    ["colons", pump(": ")],
    ["keys on one line", pump("a: ")],
    ["anchors", pump("&a ")],
    ["aliases in a list", `a: [${pump("*a,")}]`],
    ["tags", pump("!!a ")],
    ["documents", pump("---\n")],
    ["directives", pump("%YAML 1.2\n")],
    ["an open quote", `a: "${pump("b")}`],
    ["an open quote over lines", `a: '${pump("b\n")}`],
    ["backslashes", `a: "${pump("\\")}`],
    ["quotes", `a: ${pump("'")}`],
    ["pairs of quotes", `a: '${pump("''")}'`],
    ["spaces before a comment", `a: b${pump(" ")}# c`],
    ["spaces before a text", `a: b${pump(" ")}c`],
    ["spaces behind a quote", `a: "b"${pump(" ")}c`],
    ["spaces in a list", `a: [${pump(" ")}`],
    ["spaces", pump(" ")],
    ["tabs", pump("\t")],
    ["empty lines", pump("\n")],
    ["comments", pump("#\n")],
    ["a text over lines", `a: ${pump("b\n  ")}`],
    ["a block", `a: |\n${pump("  b\n")}`],
    ["an empty block", `a: >\n${pump("\n")}`],
    ["stairs", count(512, (index) => `${" ".repeat(index)}a:\n`)],
    ["brackets that close", pump("]")],
    ["commas", `a: [${pump(",")}`],
    ["keys", count(10_000, (index) => `k${index}: v\n`)],
    ["the same key", pump("a: b\n")],
    ["a long key", `${pump("a")}: b`],
    ["emoji", pump("\u{1f600}")],
    ["unknown fields", SMALL_PACK + count(4_000, (index) => `${"x".repeat(40)}${index}: y\n`)],
    ["a rule of parentheses", rule(pump("(", 60_000))],
    ["a rule of NOTs", rule(pump("NOT ", 60_000))],
    ["a rule of ANDs", rule(`true${pump(" AND true", 60_000)}`)],
    [
      "a rule of unknown fields",
      rule(`context.x${pump(` AND context.${"y".repeat(50)}`, 60_000)}`),
    ],
    ["a rule of quotes", rule(pump("'", 60_000))],
    ["a rule of digits", rule(pump("1", 60_000))],
    ["a rule of brackets", rule(`context.tenant IN ${pump("[", 60_000)}`)],
    ["a rule of points", rule(`context${pump(".a", 60_000)} == 1`)],
    ["a rule too long", rule(pump("true AND "))],
    ["a rule of backslashes", rule(`context.tenant == '${pump("\\\\", 60_000)}`)],
    [
      "unknown members",
      SMALL_PACK.replace(
        "[P_Rate]",
        `[${count(4_000, (index) => `P_${"x".repeat(20)}${index}, `)}P_Rate]`,
      ),
    ],
    ["an action", SMALL_PACK.replace(/action: .*/, `action: "HTTP 200${pump(" ")}+"`)],
    ["a trigger", SMALL_PACK.replace(/trigger: .*/, `trigger: "NOT(${pump(" ")}"`)],
    ["an id", SMALL_PACK.replaceAll("P_Rate", pump("P"))],
    [
      "LogLine",
      SMALL_PACK.replace(/action: .*/, `action: "HTTP 200 + ${pump("LogLine(", 1_000)}"`),
    ],
  ])("%s", (_, text) => {
    tryPack(Buffer.from(text));
  });
});

describe("a pack made to take long is read, made ready and asked in time", () => {
  const packOf = (wires: string, outputs: string): Pack => {
    const bits = count(8, (index) => `- {id: P_${index}, logic: "context.tenant == '${index}'"}\n`);
    return readPack(
      Buffer.from(
        `version: tdln-chip/0.3\npolicies:\n${bits}wiring:\n${wires}outputs:\n${outputs}`,
      ),
    );
  };
  const outputs = (items: number, trigger: (index: number) => string): string =>
    count(items, (index) => `- allow_${index}: {trigger: ${trigger(index)}, action: HTTP 200}\n`);

  test.each([
    [
      "wires that double at each of 60 levels",
      (): Pack =>
        packOf(
          count(
            60,
            (index) =>
              `- {id: W_${index}, structure: {sequence: [W_${index + 1}, W_${index + 1}, P_0]}}\n`,
          ) + "- {id: W_60, structure: {sequence: [P_1]}}\n",
          outputs(40, () => "W_0"),
        ),
    ],
    [
      "many outputs over wires with many members",
      (): Pack =>
        packOf(
          count(
            60,
            (index) =>
              `- {id: W_${index}, structure: {sequence: [${count(1_000, (place) => `P_${place % 8}, `)}P_0]}}\n`,
          ),
          outputs(1_000, (index) => `W_${index % 60}`),
        ),
    ],
    [
      "many wires that all lead to one another",
      (): Pack =>
        packOf(
          count(
            60,
            (index) =>
              `- {id: W_${index}, structure: {sequence: [${count(59 - index, (place) => `W_${index + 1 + place}, `)}P_0]}}\n`,
          ),
          outputs(1_000, (index) => `W_${index % 60}`),
        ),
    ],
  ])("%s", (_, make) => {
    const evaluator = compilePack(make());
    expect(evaluator.decide(packContext({ "context.tenant": "9" }), 0).output).toBe("default_deny");
    expect(evaluator.readsField("context.tenant")).toBe(true);
  });

  test("many wires that go round in many ways", () => {
    const wires = count(
      300,
      (index) =>
        `- {id: W_${index}, structure: {sequence: [${count(99, (place) => `W_${(index * 7 + place) % 300}, `)}P_0]}}\n`,
    );
    expect(() =>
      packOf(
        wires,
        outputs(1, () => "W_0"),
      ),
    ).toThrow(PackRefused);
  });
});
