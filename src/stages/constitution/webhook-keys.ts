/** A partner's keys, made ready at load. A key that is weak, private or of another kind stops the start. */
import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import type { FileRef, SecretRef } from "../../config/secrets/reference.ts";
import type { Secret } from "../../config/secrets/secret.ts";
import type { WebhookPartner } from "./webhook-config.ts";

export interface WebhookKeyReader {
  /** Reads a file that the configuration names. */
  readFile(reference: FileRef): Promise<Buffer>;
  readSecret(reference: SecretRef): Promise<Secret>;
}

/** The least that Standard Webhooks allows. Lowered, a shared secret can be guessed from one delivery that was seen. */
const MIN_SECRET_BYTES = 24;
/** Fewer different bytes than this in a secret of that length is a repeated word, not a random value. */
const MIN_DISTINCT_BYTES = 10;
const ED25519_BYTES = 32;

/** Throws, with a text for the operator that holds nothing of the key. */
export async function prepareWebhookKeys(
  name: string,
  partner: WebhookPartner,
  reader: WebhookKeyReader,
): Promise<readonly KeyObject[]> {
  if (partner.algorithm === "ed25519")
    return Promise.all(
      (partner.keys ?? []).map(async (file) =>
        readPublicKey(name, (await reader.readFile(file)).toString("utf8").trim()),
      ),
    );
  return Promise.all(
    (partner.secrets ?? []).map(async (reference) =>
      readSharedSecret(name, partner, await reader.readSecret(reference)),
    ),
  );
}

function readSharedSecret(name: string, { scheme }: WebhookPartner, secret: Secret): KeyObject {
  const bytes =
    scheme === "id.timestamp.body" ? decodeStandardSecret(name, secret) : secret.revealBytes();
  try {
    if (bytes.length < MIN_SECRET_BYTES)
      throw refuse(name, `a secret has ${bytes.length} bytes, fewer than ${MIN_SECRET_BYTES}`);
    if (new Set(bytes).size < MIN_DISTINCT_BYTES)
      throw refuse(name, "a secret repeats a few characters; make a random one");
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function decodeStandardSecret(name: string, secret: Secret): Buffer {
  const text = secret.reveal().replace(/^whsec_/, "");
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, ""))
    throw refuse(name, "a secret is not base64, which id.timestamp.body asks for");
  return bytes;
}

function readPublicKey(name: string, text: string): KeyObject {
  // Node would quietly make the public key of a private one, which must not be on this machine at all.
  if (text.includes("PRIVATE KEY"))
    throw refuse(name, "a key file holds a private key; give its public key alone");
  const key = text.startsWith("whpk_") ? fromRaw(text.slice(5)) : fromPem(text);
  if (key?.asymmetricKeyType !== "ed25519")
    throw refuse(name, "a key file holds no Ed25519 public key in PEM or whpk_ form");
  return key;
}

function fromPem(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

function fromRaw(base64: string): KeyObject | undefined {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length !== ED25519_BYTES || bytes.toString("base64") !== base64) return undefined;
  const jwk = { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") };
  return createPublicKey({ key: jwk, format: "jwk" });
}

const refuse = (name: string, message: string) => new Error(`webhook partner ${name}: ${message}`);
