import { describe, expect, test } from "vitest";
import { ALGORITHM_NAMES, isSignatureValid, isSymmetric, type Algorithm } from "./algorithms.ts";
import { createKey, signToken } from "./identity-harness.test-support.ts";
import { importKeySet } from "./key-set.ts";

const ASYMMETRIC = ALGORITHM_NAMES.filter((algorithm) => !isSymmetric(algorithm));

const importAll = (keys: readonly unknown[], pinned: readonly Algorithm[] = ASYMMETRIC) =>
  importKeySet(Buffer.from(JSON.stringify({ keys })), pinned);

const ec = createKey("ES256", "ec");
const rsa = createKey("RS256", "rsa");
const { alg: _alg, ...rsaWithoutAlg } = rsa.jwk;

function isPrime(candidate: bigint): boolean {
  for (let divisor = 2n; divisor * divisor <= candidate; divisor++)
    if (candidate % divisor === 0n) return false;
  return true;
}

describe("keys of a set", () => {
  test.each(ASYMMETRIC)(
    "%s: a key verifies what its owner signed, and nothing else",
    async (alg) => {
      const key = createKey(alg, "k");
      const found = (await importAll([key.jwk])).find("k");
      expect([...(found?.algorithms ?? [])]).toEqual([alg]);
      const token = signToken(key, { alg }, { sub: "a" });
      const signingInput = token.slice(0, token.lastIndexOf("."));
      const signature = Buffer.from(token.slice(token.lastIndexOf(".") + 1), "base64url");
      const { key: publicKey } = found ?? expect.fail("no key");
      expect(isSignatureValid(alg, publicKey, { signingInput, signature })).toBe(true);
      expect(
        isSignatureValid(alg, publicKey, { signingInput: `${signingInput}A`, signature }),
      ).toBe(false);
      const zero = Buffer.alloc(signature.length);
      expect(isSignatureValid(alg, publicKey, { signingInput, signature: zero })).toBe(false);
    },
  );

  test("a key without alg serves what fits its type, within what the issuer is pinned to", async () => {
    const set = await importAll([rsaWithoutAlg], ["RS256", "PS384", "ES256"]);
    expect([...(set.find("rsa")?.algorithms ?? [])]).toEqual(["RS256", "PS384"]);
  });

  test("a token without kid gets a key only when that is the only one and has no name", async () => {
    const { kid: _kid, ...nameless } = ec.jwk;
    expect((await importAll([nameless])).find(undefined)).toBeDefined();
    expect((await importAll([ec.jwk])).find(undefined)).toBeUndefined();
    expect((await importAll([nameless, rsa.jwk])).find(undefined)).toBeUndefined();
    expect((await importAll([nameless])).find("anything")).toBeUndefined();
  });

  test("names of objects' own methods are no keys", async () => {
    const set = await importAll([ec.jwk]);
    for (const name of ["__proto__", "constructor", "toString"])
      expect(set.find(name)).toBeUndefined();
  });

  test("a modulus of the ROCA generator is left out, and sound ones are not taken for it", async () => {
    let product = 1n;
    for (let prime = 2n; prime <= 167n; prime++) if (isPrime(prime)) product *= prime;
    let power = 1n;
    for (let i = 0; i < 12_345; i++) power = (power * 65_537n) % product;
    const factor = (1n << 2047n) / product + 1n;
    const modulus = factor * product + power;
    const n = Buffer.from(modulus.toString(16).padStart(512, "0"), "hex").toString("base64url");
    const set = await importAll([ec.jwk, { ...rsa.jwk, kid: "bad", n }, rsa.jwk]);
    expect(set.find("bad")).toBeUndefined();
    expect(set.refused).toEqual([expect.stringContaining("ROCA")]);
    expect(set.find("rsa")).toBeDefined();
  });

  const weak = createKey("RS256", "weak", 1024).jwk;
  test.each<[string, object, RegExp]>([
    [
      "a symmetric key",
      { kty: "oct", k: "c2VjcmV0", kid: "bad", alg: "HS256" },
      /secret or private/,
    ],
    ["a private key", { ...ec.jwk, kid: "bad", d: "AAAA" }, /secret or private/],
    ["an encryption key by alg", { ...rsa.jwk, kid: "bad", alg: "RSA-OAEP" }, /none of the issuer/],
    ["an unknown use", { ...ec.jwk, kid: "bad", use: "tls" }, /not for signatures/],
    ["key_ops without verify", { ...ec.jwk, kid: "bad", key_ops: ["sign"] }, /key_ops/],
    ["key_ops that is no list", { ...ec.jwk, kid: "bad", key_ops: "verify" }, /key_ops/],
    ["an unknown type", { kty: "XYZ", kid: "bad" }, /none of the issuer/],
    [
      "a curve that does not fit alg",
      { ...ec.jwk, kid: "bad", alg: "ES384" },
      /none of the issuer/,
    ],
    ["a type that does not fit alg", { ...ec.jwk, kid: "bad", alg: "RS256" }, /none of the issuer/],
    ["alg none", { ...ec.jwk, kid: "bad", alg: "none" }, /none of the issuer/],
    ["a point that is not on its curve", { ...ec.jwk, kid: "bad", y: ec.jwk.x }, /not a valid key/],
    ["a coordinate cut short", { ...ec.jwk, kid: "bad", x: "AAAA" }, /not a valid key/],
    ["a coordinate with padding", { ...ec.jwk, kid: "bad", x: `${ec.jwk.x}=` }, /canonical/],
    ["a coordinate missing", { ...ec.jwk, kid: "bad", y: undefined }, /canonical/],
    ["RSA of 1024 bits", { ...weak, kid: "bad" }, /1024 bits/],
    ["an RSA exponent of 3", { ...rsa.jwk, kid: "bad", e: "Aw" }, /exponent/],
    ["an RSA exponent of 1", { ...rsa.jwk, kid: "bad", e: "AQ" }, /exponent|not a valid key/],
    ["an even RSA exponent", { ...rsa.jwk, kid: "bad", e: "AQAC" }, /exponent|not a valid key/],
    ["an RSA exponent of 5 bytes", { ...rsa.jwk, kid: "bad", e: "AQAAAAE" }, /exponent/],
  ])("%s is left out, and the others stay", async (_, bad, why) => {
    const set = await importAll([ec.jwk, bad]);
    expect(set.find("bad")).toBeUndefined();
    expect(set.find("ec")).toBeDefined();
    expect(set.refused).toEqual([expect.stringMatching(why)]);
  });

  test.each<[string, string, RegExp]>([
    [
      "two keys of one name",
      JSON.stringify({ keys: [ec.jwk, { ...rsa.jwk, kid: "ec" }] }),
      /two keys/,
    ],
    ["no keys at all", '{"keys":[]}', /no usable key/],
    ["no list of keys", '{"keys":{}}', /no array/],
    ["a list instead of an object", "[]", /no array/],
    ["HTML", "<html></html>", /not JSON/],
    ["a key that is no object", '{"keys":[1]}', /not an object/],
    ["a kid that is no text", JSON.stringify({ keys: [{ ...ec.jwk, kid: 7 }] }), /kid/],
    ["a repeated member", `{"keys":[],"keys":[${JSON.stringify(ec.jwk)}]}`, /member twice/],
    [
      "101 keys",
      JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) }),
      /more than 100/,
    ],
  ])("%s: the set is refused", async (_, text, why) => {
    await expect(importKeySet(Buffer.from(text), ASYMMETRIC)).rejects.toThrow(why);
  });

  test("an encryption key may share its name with a signature key", async () => {
    const set = await importAll([{ ...rsa.jwk, use: "enc", kid: "ec" }, ec.jwk]);
    expect(set.find("ec")?.algorithms).toEqual(new Set(["ES256"]));
    expect(set.refused).toEqual([]);
  });
});
