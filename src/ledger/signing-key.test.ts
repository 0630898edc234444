/** Signing keys: made and read, and refused without being shown. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createSigningKeyPem, readSigningKey, SigningKeyError } from "./signing-key.ts";
import { parseVerifierKey } from "./verifier-key.ts";

const PEM = createSigningKeyPem();

function errorOf(pem: string, origin: string): SigningKeyError {
  try {
    readSigningKey(pem, origin);
  } catch (error) {
    if (error instanceof SigningKeyError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("a signing key", () => {
  test("is new each time, and its verifier key belongs to it", () => {
    expect(createSigningKeyPem()).not.toBe(PEM);
    const key = readSigningKey(PEM, "gateway.example/one");
    const verifier = parseVerifierKey(key.verifierKey);
    expect(verifier).toMatchObject({ name: key.origin, keyId: key.signer.keyId, role: "log" });
    const text = Buffer.from("text\n");
    expect(verifier.verify(text, key.signer.sign(text))).toBe(true);
  });

  test("is the same key whenever it is read, under an id of its own for each origin", () => {
    const [one, again, other] = ["a", "a", "b"].map((origin) => readSigningKey(PEM, origin));
    expect(one?.verifierKey).toBe(again?.verifierKey);
    expect(one?.signer.keyId).not.toBe(other?.signer.keyId);
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const { publicKey } = generateKeyPairSync("ed25519");
  test.each([
    ["nothing", ""],
    ["other text", "hunter2 is not a key"],
    ["an RSA key", rsa.export({ format: "pem", type: "pkcs8" }) as string],
    ["a public key", publicKey.export({ format: "pem", type: "spki" }) as string],
    ["a damaged PEM", PEM.replace(/MC4CAQ/, "MC4CAA")],
  ])("is refused as %s, and nothing of the text is in the error", (_, pem) => {
    const error = errorOf(pem, "gateway.example");
    expect(error.code).toBe("signing_key.malformed");
    const [longest = "hunter2"] = pem.split("\n").sort((one, other) => other.length - one.length);
    if (longest !== "") expect(JSON.stringify([error.message, error.cause])).not.toContain(longest);
  });

  test.each(["", "two words", "a+b", "a\nb"])("is refused for the origin %j", (origin) => {
    expect(errorOf(PEM, origin).code).toBe("signing_key.origin");
  });
});
