import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  createPackKey,
  keyId,
  publicPemOf,
  readPrivateKey,
  readPublicKey,
  readPublicKeyBase64,
} from "./keys.ts";
import { codeOf } from "./signed-packs.test-support.ts";

const { privatePem, publicPem } = createPackKey();
const SPKI = createPublicKey(publicPem).export({ format: "der", type: "spki" });
const BARE = SPKI.subarray(-32);

const pem = (bytes: Uint8Array, label = "PUBLIC KEY", end = "\n"): string =>
  [
    `-----BEGIN ${label}-----`,
    Buffer.from(bytes).toString("base64"),
    `-----END ${label}-----`,
    "",
  ].join(end);
const spkiOf = ({ publicKey }: { readonly publicKey: KeyObject }): string =>
  publicKey.export({ format: "pem", type: "spki" }) as string;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("a public key is read", () => {
  test.each([
    ["as SPKI", publicPem],
    ["as the bare bytes that older signers print", pem(BARE)],
    ["with the line ends of Windows", pem(SPKI, "PUBLIC KEY", "\r\n")],
    ["with white space around it", `\n  ${publicPem}\n\n`],
    ["without a last line end", publicPem.trimEnd()],
    ["in short lines", publicPem.replace("MCow", "MC\now")],
  ])("%s", (_how, text) => {
    expect(readPublicKey(text).export({ format: "der", type: "spki" })).toEqual(SPKI);
    expect(readPublicKeyBase64(base64(text)).equals(readPublicKey(publicPem))).toBe(true);
  });

  test("from base64 in lines, as the command base64 prints it", () => {
    const lines = `${base64(publicPem).replaceAll(/(.{76})/g, "$1\n")}\n`;
    expect(readPublicKeyBase64(lines).equals(readPublicKey(publicPem))).toBe(true);
  });
});

describe("a public key is refused", () => {
  test.each([
    ["nothing", "pack.bad_key", ""],
    ["words", "pack.bad_key", "ed25519 of the platform team"],
    ["the bare base64", "pack.bad_key", BARE.toString("base64")],
    ["no end", "pack.bad_key", publicPem.slice(0, -10)],
    ["another end", "pack.bad_key", publicPem.replace("END PUBLIC", "END SECRET")],
    ["two keys", "pack.bad_key", publicPem + publicPem],
    ["words around it", "pack.bad_key", `my key:\n${publicPem}`],
    [
      "loose bits",
      "pack.bad_key",
      pem(BARE).replace(/.=\n/, (end) => (end[0] === "B" ? "C=\n" : "B=\n")),
    ],
    ["no padding", "pack.bad_key", pem(BARE).replace("=\n", "\n")],
    ["31 bytes", "pack.bad_key", pem(BARE.subarray(1))],
    ["33 bytes", "pack.bad_key", pem(Buffer.concat([BARE, Buffer.alloc(1)]))],
    ["SPKI and a byte", "pack.bad_key", pem(Buffer.concat([SPKI, Buffer.alloc(1)]))],
    ["a megabyte", "pack.bad_key", " ".repeat(1_000_000) + publicPem],
    ["a certificate", "pack.bad_key", pem(SPKI, "CERTIFICATE")],
    [
      "an RSA key",
      "pack.wrong_key_type",
      spkiOf(generateKeyPairSync("rsa", { modulusLength: 2048 })),
    ],
    [
      "an ECDSA key",
      "pack.wrong_key_type",
      spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256" })),
    ],
    ["an Ed448 key", "pack.wrong_key_type", spkiOf(generateKeyPairSync("ed448"))],
    ["an X25519 key", "pack.wrong_key_type", spkiOf(generateKeyPairSync("x25519"))],
    ["zeros", "pack.weak_key", pem(Buffer.alloc(32))],
    [
      "zeros in SPKI",
      "pack.weak_key",
      pem(Buffer.concat([SPKI.subarray(0, -32), Buffer.alloc(32)])),
    ],
    ["ones", "pack.weak_key", pem(Buffer.alloc(32, 0xff))],
    ["a private key", "pack.private_key", privatePem],
    ["a private key with an old label", "pack.private_key", pem(BARE, "OPENSSH PRIVATE KEY")],
  ])("%s: %s", (_what, code, text) => {
    expect(codeOf(() => readPublicKey(text))).toBe(code);
    expect(codeOf(() => readPublicKeyBase64(base64(text)))).toBe(code);
  });

  test.each([
    ["a PEM that is not in base64", publicPem],
    ["something behind it", `${base64(publicPem)}!`],
    ["the other alphabet", `${base64(publicPem)}_-`],
    ["a megabyte", "A".repeat(1_000_000)],
  ])("in base64: %s", (_what, text) =>
    expect(codeOf(() => readPublicKeyBase64(text))).toBe("pack.bad_key"),
  );
});

describe("a private key", () => {
  test("is read, and has the public key that was made with it", () => {
    const key = readPrivateKey(privatePem);
    expect(key.type).toBe("private");
    expect(publicPemOf(key)).toBe(publicPem);
  });

  const encrypted = generateKeyPairSync("ed25519").privateKey.export({
    format: "pem",
    type: "pkcs8",
    cipher: "aes-256-cbc",
    passphrase: "open",
  }) as string;
  test.each([
    ["a public key", "pack.bad_key", publicPem],
    ["half of it", "pack.bad_key", privatePem.slice(0, 60)],
    ["an encrypted one", "pack.bad_key", encrypted],
    [
      "an RSA key",
      "pack.wrong_key_type",
      generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
        format: "pem",
        type: "pkcs8",
      }) as string,
    ],
  ])("is refused: %s", (_what, code, text) => {
    expect(codeOf(() => readPrivateKey(text))).toBe(code);
  });

  test("is not in what its refusal says", () => {
    const damaged = privatePem.replace("MC4", "MC5");
    expect(() => readPrivateKey(damaged)).toThrow(/not a private key/);
    expect(() => readPrivateKey(damaged)).not.toThrow(new RegExp(damaged.slice(40, 60)));
  });
});

test("the id of a key is SHA-256 of its SPKI bytes, the same of both halves", () => {
  const id = createHash("sha256").update(SPKI).digest("hex");
  expect(keyId(readPublicKey(publicPem))).toBe(id);
  expect(keyId(readPublicKey(pem(BARE)))).toBe(id);
  expect(keyId(readPrivateKey(privatePem))).toBe(id);
});
