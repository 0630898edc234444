/** The strict reader against simpler readers on generated texts, and against texts made to take long. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_JSON_LIMITS } from "./config.ts";
import { StrictJson } from "./strict-json.ts";

const nested = (depth: number): string => "[".repeat(depth) + "1" + "]".repeat(depth);

describe("properties", () => {
  const unlimited = { ...DEFAULT_JSON_LIMITS, depth: 1000, members: 1e6, forbiddenKeys: [] };
  const reader = new StrictJson(unlimited);

  test("reads whatever JSON.stringify writes, with any spacing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, "\t", "\r\n "), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(reader.read(Buffer.from(text))).toMatchObject({
          kind: "value",
          json: JSON.parse(text) as unknown,
        });
      }),
      { numRuns: 500 },
    );
  });

  test("accepts a damaged text exactly when JSON.parse does and its own stricter rules have no word in it", () => {
    const damage = fc.record({
      value: fc.jsonValue(),
      at: fc.nat(),
      cut: fc.nat(3),
      put: fc.constantFrom(
        "",
        '"',
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "-",
        ".",
        "e",
        "\n",
        "\\u",
        "null",
      ),
    });
    const ownRules = new Set(["duplicate_key", "lone_surrogate", "number_out_of_range"]);
    fc.assert(
      fc.property(damage, ({ value, at, cut, put }) => {
        const whole = JSON.stringify(value);
        const from = at % (whole.length + 1);
        const text = (whole.slice(0, from) + put + whole.slice(from + cut)).toWellFormed();
        const found = reader.read(Buffer.from(text));
        if (found.kind === "flawed" && ownRules.has(found.flaw)) return;
        expect(found.kind === "value", text).toBe(isParsed(text));
      }),
      { numRuns: 3000 },
    );
  });

  test("finds a duplicate exactly when a naive search does", () => {
    const key = fc.constantFrom(
      "a",
      "b",
      "ab",
      "",
      "__",
      "é",
      "é\\u0061",
      "\\u0061",
      "\\u0062",
      "a\\/",
      "a/",
    );
    const tree = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.constant("1"), tie("object"), tie("array")),
      object: fc
        .array(fc.tuple(key, tie("value")), { maxLength: 5 })
        .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join()}}`),
      array: fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join()}]`),
    })).object;
    fc.assert(
      fc.property(tree, (text) => {
        const hasDuplicate = countWritten(text) !== countKept(JSON.parse(text));
        expect(reader.read(Buffer.from(text)).kind === "flawed", text).toBe(hasDuplicate);
      }),
      { numRuns: 2000 },
    );
  });

  test("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(["value", "flawed"]).toContain(reader.read(Buffer.from(bytes)).kind);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("worst cases of 128 KiB", () => {
  const size = 128 * 1024;
  const fill = (unit: string) => unit.repeat(Math.ceil(size / unit.length));
  const objects = (one: string) => `[${fill(`${one},`)}1]`;
  const collidingKeys = Array.from(
    { length: 32 },
    (_, i) => `"a${"x".repeat(100)}${i + 10}${"y".repeat(100)}":1`,
  );
  test.each([
    ["openers without end", fill("[")],
    ["object openers without end", fill('{"a":')],
    ["one long string", `"${fill("x")}"`],
    ["one long string of escapes", `"${fill("\\u0041")}"`],
    ["one long number", fill("1")],
    ["white space", `[${fill(" ")}]`],
    ["many small numbers", `[${fill("1,")}1]`],
    [
      "one object of very many keys",
      `{${Array.from({ length: 10_000 }, (_, i) => `"${i}":1`).join()}}`,
    ],
    [
      "keys with the same low bits as array indices",
      `{${Array.from({ length: 9000 }, (_, i) => `"${i * 8192}":1`).join()}}`,
    ],
    ["objects of 32 long keys that collide", objects(`{${collidingKeys.join()}}`)],
    ["objects with one escaped key each", objects(String.raw`{"\u0061":1}`)],
    [
      "one object of escaped keys",
      `{${Array.from({ length: 9000 }, (_, i) => String.raw`"\u0061${i}":1`).join()}}`,
    ],
    ["deep pairs", fill(`${nested(32)},`)],
  ])("%s", (_, text) => {
    const reader = new StrictJson(DEFAULT_JSON_LIMITS);
    const body = Buffer.from(text);
    let bestMs = Infinity;
    for (let i = 0; i < 5; i++) {
      const from = process.cpuUsage();
      reader.read(body);
      const { user, system } = process.cpuUsage(from);
      bestMs = Math.min(bestMs, (user + system) / 1000);
    }
    // Far above what was measured (at most 6 ms), far below what quadratic work would take.
    expect(bestMs).toBeLessThan(50);
  });

  test("a hundred thousand openers end in a finding, not in an exhausted stack, even when depth is not the limit", () => {
    const text = "[".repeat(100_000);
    for (const depth of [32, 512]) {
      const reader = new StrictJson({ ...DEFAULT_JSON_LIMITS, depth });
      expect(reader.read(Buffer.from(text))).toMatchObject({ flaw: "too_deep" });
    }
  });
});

function isParsed(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function countKept(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, item) => sum + countKept(item), own);
}

/** The generated texts have colons only behind keys. */
function countWritten(text: string): number {
  return text.split(":").length - 1;
}
