import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatKey, KEY_LENGTH, mintKeyParts, parseKey, toSecretText } from "./key-format.ts";

const base62 = (length: number) =>
  fc.string({
    unit: fc.constantFrom(
      ...Array.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ),
    minLength: length,
    maxLength: length,
  });
const parts = fc.record({ id: base62(10), secret: base62(43) });

describe("the text of an API key", () => {
  test("a minted key has the stated form and its own parts", () => {
    const minted = mintKeyParts();
    const text = formatKey(minted);
    expect(text).toMatch(/^pck_live_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}$/);
    expect(text).toHaveLength(KEY_LENGTH);
    expect(parseKey(text)).toEqual(minted);
  });

  test("two keys never share id or secret", () => {
    const keys = Array.from({ length: 200 }, mintKeyParts);
    expect(new Set(keys.map((key) => key.id)).size).toBe(200);
    expect(new Set(keys.map((key) => key.secret)).size).toBe(200);
  });

  test("what was formatted is parsed to the same parts", () => {
    fc.assert(
      fc.property(parts, (key) => {
        expect(parseKey(formatKey(key))).toEqual(key);
      }),
    );
  });

  test("one changed character anywhere is noticed", () => {
    const changed = fc.tuple(
      parts,
      fc.nat(KEY_LENGTH - 1),
      fc.constantFrom(...Array.from("0Az_ é\0")),
    );
    fc.assert(
      fc.property(changed, ([key, at, character]) => {
        const text = formatKey(key);
        fc.pre(text[at] !== character);
        expect(parseKey(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined();
      }),
    );
  });

  test("a secret text is 43 digits for any 32 bytes, and different for different bytes", () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(toSecretText(a)).toMatch(/^[0-9A-Za-z]{43}$/);
        expect(toSecretText(a) === toSecretText(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
    expect(toSecretText(new Uint8Array(32).fill(255))).toMatch(/^[0-9A-Za-z]{43}$/);
  });

  test.each([
    ["nothing", ""],
    ["another prefix", "sk_live_0000000000_"],
    ["a key with a newline behind it", `${formatKey(mintKeyParts())}\n`],
    ["a key with a space before it", ` ${formatKey(mintKeyParts())}`],
    ["a megabyte", "pck_live_".padEnd(1_048_576, "0")],
  ])("%s is no key", (_, text) => {
    expect(parseKey(text)).toBeUndefined();
  });
});
