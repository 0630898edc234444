import * as fc from "fast-check";
import { blake3 } from "hash-wasm";
import { describe, expect, test } from "vitest";
import { commit, pseudonym, verifyCommitment } from "./commitment.ts";

const salt = { id: "00".repeat(8), bytes: Buffer.alloc(32, 7) };
const other = { id: "01".repeat(8), bytes: Buffer.alloc(32, 8) };
const fullBytes = fc.uint8Array({ maxLength: 5_000 });

describe("a commitment", () => {
  test("is BLAKE3 of the salt followed by the exact bytes, whatever they are", async () => {
    await fc.assert(
      fc.asyncProperty(fullBytes, async (body) => {
        expect(commit(salt, body)).toBe(`b3:${await blake3(Buffer.concat([salt.bytes, body]))}`);
        expect(verifyCommitment(salt, body, commit(salt, body))).toBe(true);
      }),
    );
  });

  test("does not verify another body, another salt or another text", () => {
    const body = Buffer.from('{"a":1}');
    const text = commit(salt, body);
    expect(verifyCommitment(salt, Buffer.from('{"a": 1}'), text)).toBe(false);
    expect(verifyCommitment(other, body, text)).toBe(false);
    expect(verifyCommitment(salt, body, text.toUpperCase())).toBe(false);
    expect(verifyCommitment(salt, body, text.slice(3))).toBe(false);
    expect(verifyCommitment(salt, body, "")).toBe(false);
  });
});

describe("a pseudonym", () => {
  test("is the same for the same name and salt, and another otherwise", () => {
    expect(pseudonym(salt, "alice")).toMatch(/^h:[0-9a-f]{32}$/);
    expect(pseudonym(salt, "alice")).toBe(pseudonym(salt, "alice"));
    expect(pseudonym(salt, "Alice")).not.toBe(pseudonym(salt, "alice"));
    expect(pseudonym(other, "alice")).not.toBe(pseudonym(salt, "alice"));
  });

  test("is not the beginning of the commitment of a body that spells the name", () => {
    const digits = pseudonym(salt, "alice").slice(2);
    expect(commit(salt, Buffer.from("alice"))).not.toContain(digits);
  });
});
