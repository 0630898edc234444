/** Verifier keys: the specification's example, what is refused, and signatures of lines. */
import { describe, expect, test } from "vitest";
import { createSigningKeyPem, readSigningKey } from "./signing-key.ts";
import { formatVerifierKey, parseVerifierKey, VerifierKeyError } from "./verifier-key.ts";

const EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const KEY = readSigningKey(createSigningKeyPem(), "gateway.example");
const VERIFIER = parseVerifierKey(KEY.verifierKey);

describe("a verifier key", () => {
  test("is read and written as in the specification's example", () => {
    const key = parseVerifierKey(`${EXAMPLE}\n`);
    expect(key).toMatchObject({ name: "example.com/foo", keyId: 0x530d903a, role: "log" });
    expect(formatVerifierKey(key.name, key.publicKey)).toBe(EXAMPLE);
  });

  test("says what it is for: the same key has another id as a witness", () => {
    const vkey = formatVerifierKey(VERIFIER.name, VERIFIER.publicKey, "witness");
    const witness = parseVerifierKey(vkey);
    expect(witness.role).toBe("witness");
    expect(witness.publicKey).toEqual(VERIFIER.publicKey);
    expect(witness.keyId).not.toBe(VERIFIER.keyId);
  });

  const idOf = (vkey: string): string => vkey.split("+")[1] ?? "";
  const witnessId = idOf(formatVerifierKey(VERIFIER.name, VERIFIER.publicKey, "witness"));
  const type2 = Buffer.concat([Uint8Array.of(2), VERIFIER.publicKey]).toString("base64");
  test.each([
    ["a space in its name and an id that fits", formatVerifierKey("two words", VERIFIER.publicKey)],
    [
      "a type it does not know under the id of one it does",
      `${VERIFIER.name}+${witnessId}+${type2}`,
    ],
    ["nothing", ""],
    ["two parts", "example.com/foo+530d903a"],
    ["no name", EXAMPLE.replace("example.com/foo", "")],
    ["a name with a space", EXAMPLE.replace(".com", " com")],
    ["another name", EXAMPLE.replace("foo", "fop")],
    ["another id", EXAMPLE.replace("530d", "530e")],
    ["the id in capitals", EXAMPLE.replace("530d903a", "530D903A")],
    ["another key", EXAMPLE.replace("kyeR", "kyeS")],
    ["a type it does not know", EXAMPLE.replace("+Aeky", "+Auky")],
    ["a key too short", EXAMPLE.slice(0, -4)],
    ["base64 with loose ends", EXAMPLE.replace(/k$/, "k=")],
  ])("is refused with %s", (_, vkey) => {
    expect(() => parseVerifierKey(vkey)).toThrow(VerifierKeyError);
  });
});

describe("the signature of a line", () => {
  const bytes = Buffer.from('{"ts":"..."');
  const signature = KEY.signBytes(bytes);

  test("verifies under the key that made it, over the bytes it was made over", () => {
    expect(signature).toMatch(/^ed25519:[A-Za-z0-9+/]{86}==$/);
    expect(VERIFIER.verifyBytes(bytes, signature)).toBe(true);
    expect(VERIFIER.verifyBytes(Buffer.from('{"ts":".,."'), signature)).toBe(false);
    const other = readSigningKey(createSigningKeyPem(), "gateway.example");
    expect(parseVerifierKey(other.verifierKey).verifyBytes(bytes, signature)).toBe(false);
  });

  test.each([
    ["without its prefix", signature.slice(8)],
    ["with another prefix", signature.replace("ed25519", "ed448")],
    ["without padding", signature.slice(0, -2)],
    ["with more behind it", `${signature}A`],
    ["cut", signature.slice(0, -10)],
    ["of nothing", "ed25519:"],
  ])("does not verify %s", (_, wrong) => {
    expect(VERIFIER.verifyBytes(bytes, wrong)).toBe(false);
  });

  test("does not verify under a witness's key", () => {
    const vkey = formatVerifierKey(VERIFIER.name, VERIFIER.publicKey, "witness");
    expect(parseVerifierKey(vkey).verifyBytes(bytes, signature)).toBe(false);
  });
});
