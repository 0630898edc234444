/**
 * The keys of packs: Ed25519 and nothing else. It must never show a private key, nor take a public one that anybody can
 * sign for.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { isUsablePoint } from "./public-point.ts";
import { refusal } from "./refusal.ts";

/** Room for any public key with a few lines of comment; a longer text only costs time before it is refused. */
const KEY_LIMIT_CHARACTERS = 16_384;

const PUBLIC_KEY_BYTES = 32;

/** Everything before the 32 bytes in the SPKI form of an Ed25519 key (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** One block and white space around it (RFC 7468 section 3); a second key would be a key nobody sees. */
const PEM = /^\s*-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]*)-----END \1-----\s*$/;

const HINT_PUBLIC =
  "take the public key as `portcullis pack keygen` or `openssl pkey -pubout` prints it";

export interface PackKeyPair {
  /** PKCS#8. */
  readonly privatePem: string;
  /** SPKI. */
  readonly publicPem: string;
}

export function createPackKey(): PackKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privatePem: privateKey.export({ format: "pem", type: "pkcs8" }) as string,
    publicPem: publicPemOf(publicKey),
  };
}

/** SPKI, of a private or a public key. */
export function publicPemOf(key: KeyObject): string {
  return publicPart(key).export({ format: "pem", type: "spki" }) as string;
}

/**
 * A public key in PEM: SPKI, or the bare 32 bytes as older signers print them. Throws a PackRefused: `pack.bad_key`,
 * `pack.wrong_key_type`, `pack.weak_key`, `pack.private_key`.
 */
export function readPublicKey(text: string): KeyObject {
  const pem = text.length > KEY_LIMIT_CHARACTERS ? null : PEM.exec(text);
  const [, label = "", lines = ""] = pem ?? [];
  if (label.endsWith("PRIVATE KEY")) {
    throw refusal(
      "pack.private_key",
      "this is a private key: it has no place where packs are verified",
      HINT_PUBLIC,
    );
  }
  const der = pem === null ? undefined : decodeBase64(lines.replaceAll(/\s/g, ""));
  if (label !== "PUBLIC KEY" || der === undefined) {
    throw refusal("pack.bad_key", "this is not one public key in PEM form", HINT_PUBLIC);
  }
  const raw = rawKeyOf(der);
  requireSoundPoint(raw);
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
}

/** POLICY_PUBKEY_PEM_B64: base64 of that PEM; line breaks, as `base64` makes them, are ignored. */
export function readPublicKeyBase64(text: string): KeyObject {
  const pem = decodeBase64(text.replaceAll(/\s/g, ""));
  if (pem === undefined || pem.length === 0) {
    throw refusal(
      "pack.bad_key",
      "this is not the base64 of a public key in PEM form",
      "base64 -w0 pub.pem",
    );
  }
  return readPublicKey(pem.toString("latin1"));
}

/** A private key in PEM (PKCS#8, not encrypted). Throws a PackRefused: `pack.bad_key`, `pack.wrong_key_type`. */
export function readPrivateKey(pem: string): KeyObject {
  const key = tryPrivateKey(pem);
  if (key === undefined) {
    throw refusal(
      "pack.bad_key",
      "this is not a private key in PEM form, or it is encrypted",
      "make one with `portcullis pack keygen` or `openssl genpkey -algorithm ed25519`",
    );
  }
  if (key.asymmetricKeyType !== "ed25519") throw wrongType(key.asymmetricKeyType);
  return key;
}

/** SHA-256 of the SPKI bytes, 64 hexadecimal digits: names a key for people and records, and proves nothing. */
export function keyId(key: KeyObject): string {
  const der = publicPart(key).export({ format: "der", type: "spki" });
  return createHash("sha256").update(der).digest("hex");
}

/** That a key can be trusted: for keys that did not come through `readPublicKey`. Throws a PackRefused likewise. */
export function requireSoundKey(key: KeyObject): void {
  if (key.type !== "public") {
    throw refusal("pack.private_key", "packs are verified with public keys", HINT_PUBLIC);
  }
  if (key.asymmetricKeyType !== "ed25519") throw wrongType(key.asymmetricKeyType);
  requireSoundPoint(rawKeyOf(key.export({ format: "der", type: "spki" })));
}

function publicPart(key: KeyObject): KeyObject {
  return key.type === "private" ? createPublicKey(key) : key;
}

/** The 32 bytes of either form. */
function rawKeyOf(der: Buffer): Buffer {
  if (der.length === PUBLIC_KEY_BYTES) return der;
  const isSpki = der.length === SPKI_PREFIX.length + PUBLIC_KEY_BYTES;
  if (isSpki && der.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX)) {
    return der.subarray(SPKI_PREFIX.length);
  }
  throw wrongType(typeOf(der));
}

function requireSoundPoint(raw: Uint8Array): void {
  if (isUsablePoint(raw)) return;
  throw refusal(
    "pack.weak_key",
    "this is no public key of anyone: it is not on the curve, or anybody can sign for it",
    HINT_PUBLIC,
  );
}

function wrongType(type: string | undefined): Error {
  // OpenSSL reads an Ed25519 key with something behind it, too.
  return type === undefined || type === "ed25519"
    ? refusal("pack.bad_key", "this is not a key that can be read", HINT_PUBLIC)
    : refusal("pack.wrong_key_type", `packs are signed with Ed25519; this is a key for ${type}`);
}

/** The kind of another key, to name it. */
function typeOf(der: Buffer): string | undefined {
  try {
    return createPublicKey({ key: der, format: "der", type: "spki" }).asymmetricKeyType;
  } catch {
    return undefined;
  }
}

/** The cause is dropped: OpenSSL's words may quote the text. */
function tryPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: "pem" });
  } catch {
    return undefined;
  }
}
