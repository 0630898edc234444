import { describe, expect, test } from "vitest";
import { packHash } from "./pack-hash.ts";
import { readPackJson, signerOf, signPackJson } from "./pack-json.ts";
import { bytesOf, codeOf, newKey, packJsonMembers, yamlOf } from "./signed-packs.test-support.ts";

const KEY = newKey();
const YAML = yamlOf();
const signed = (id: string, version: string): string =>
  signPackJson({ bytes: YAML, id, version, key: KEY.privateKey, createdAtMs: 1_793_000_000_999 });

test("BLAKE3-256 of a known text", () => {
  // From the BLAKE3 paper's reference code: the hash of nothing.
  expect(packHash(new Uint8Array())).toBe(
    "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
  );
});

test("writes what today's signers write, to the byte", () => {
  const { id, version, blake3, signature } = packJsonMembers(KEY);
  expect(signed("doors", "7")).toBe(
    [
      "{",
      `  "id": ${JSON.stringify(id)},`,
      `  "version": ${JSON.stringify(version)},`,
      `  "blake3": "${String(blake3)}",`,
      `  "signature": "${String(signature)}",`,
      `  "created_at": 1793000000`,
      "}",
    ].join("\n"),
  );
});

describe("ids and versions", () => {
  test.each([
    ["3", "1.10.0-rc.1+build"],
    ["id=doors", "version=2"],
    ["Türen und Tore", "v\u{1F6AA}"],
    ['"quoted" \\ {"id":"x"}', "''"],
    ["x".repeat(256), "y".repeat(256)],
  ])("%s %s", (id, version) => {
    const packJson = readPackJson(bytesOf(signed(id, version)));
    expect(packJson).toMatchObject({ id, version, blake3: packHash(YAML) });
    expect(signerOf(packJson, [newKey().publicKey, KEY.publicKey])).toBe(KEY.publicKey);
    expect(signerOf({ ...packJson, id: `${id}.` }, [KEY.publicKey])).toBeUndefined();
  });

  test.each([
    "",
    "a\nversion=2",
    "a\r",
    "a\u0000",
    "a\u0085",
    "a\u007F",
    "a\u2029",
    "\uDC00",
    "x".repeat(257),
  ])("%j is not signed", (text) => {
    expect(codeOf(() => signed(text, "1"))).toBe("pack.bad_identity");
    expect(codeOf(() => signed("doors", text))).toBe("pack.bad_identity");
  });
});
