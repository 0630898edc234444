/**
 * The private key of a stream (Ed25519, PKCS#8 PEM). It must never be shown: errors name what is wrong, not the text.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from "node:crypto";
import { isKeyName, type NoteSigner } from "./signed-note.ts";
import { formatVerifierKey, keyIdOf, LINE_SIGNATURE_PREFIX } from "./verifier-key.ts";

export interface SigningKey {
  /** The stream it signs for: the name of the key. */
  readonly origin: string;
  /** The vkey to hand out. */
  readonly verifierKey: string;
  readonly signer: NoteSigner;
  /** `ed25519:<base64>` over the bytes. */
  readonly signBytes: (bytes: Uint8Array) => string;
}

/**
 * - `signing_key.malformed`: not the PEM of an Ed25519 private key
 * - `signing_key.origin`: the origin cannot name a key
 */
export type SigningKeyErrorCode = "signing_key.malformed" | "signing_key.origin";

export class SigningKeyError extends Error {
  override readonly name = "SigningKeyError";
  readonly code: SigningKeyErrorCode;

  constructor(code: SigningKeyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const PUBLIC_KEY_BYTES = 32;

/** A new key, as PEM. */
export function createSigningKeyPem(): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  return privateKey.export({ format: "pem", type: "pkcs8" }) as string;
}

/** Reads a key for the stream `origin`. Throws a SigningKeyError. */
export function readSigningKey(pem: string, origin: string): SigningKey {
  if (!isKeyName(origin)) {
    throw new SigningKeyError(
      "signing_key.origin",
      "the origin of a ledger is not empty and has neither spaces nor plus signs",
    );
  }
  const key = privateKeyOf(pem);
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = spki.subarray(-PUBLIC_KEY_BYTES);
  return {
    origin,
    verifierKey: formatVerifierKey(origin, publicKey),
    signer: {
      name: origin,
      keyId: keyIdOf(origin, publicKey, "log"),
      sign: (text) => sign(null, text, key),
    },
    signBytes: (bytes) => LINE_SIGNATURE_PREFIX + sign(null, bytes, key).toString("base64"),
  };
}

function privateKeyOf(pem: string): KeyObject {
  const key = tryPrivateKey(pem);
  if (key?.asymmetricKeyType !== "ed25519") {
    throw new SigningKeyError(
      "signing_key.malformed",
      "the ledger's signing key is not an Ed25519 private key in PEM form; make one with: portcullis ledger keygen",
    );
  }
  return key;
}

/** The cause is dropped: OpenSSL's words may quote the text. */
function tryPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: "pem" });
  } catch {
    return undefined;
  }
}
