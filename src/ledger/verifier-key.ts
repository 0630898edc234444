/**
 * Verifier keys (https://c2sp.org/signed-note, "Verifier keys"): what an outsider needs to check a stream's signatures.
 * It knows Ed25519 only, of logs (type 1) and of cosigning witnesses (type 4), and must never guess another type.
 */
import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { isKeyName, type NoteVerifier } from "./signed-note.ts";

/** What a vkey says. */
export interface VerifierKey extends NoteVerifier {
  /** `log` signs checkpoints, `witness` cosigns them with a time (https://c2sp.org/tlog-cosignature). */
  readonly role: "log" | "witness";
  /** 32 bytes (RFC 8032 section 5.1.5). */
  readonly publicKey: Buffer;
  /** Checks what `SigningKey.signBytes` returned. Always false with a witness's key. */
  readonly verifyBytes: (bytes: Uint8Array, signature: string) => boolean;
}

/** `verifier_key.malformed` is the only way for a verifier key to be wrong. */
export class VerifierKeyError extends Error {
  override readonly name = "VerifierKeyError";
  readonly code = "verifier_key.malformed";
}

/** Prefix of a signature written into a line. */
export const LINE_SIGNATURE_PREFIX = "ed25519:";

const TYPES = { log: 0x01, witness: 0x04 } as const;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** A cosignature is a time in seconds (uint64, big-endian) and a signature. */
const TIME_BYTES = 8;
/** Everything before the 32 bytes in the SPKI form of an Ed25519 key (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** SHA-256(name || LF || type || public key), the first four bytes. */
export function keyIdOf(name: string, publicKey: Uint8Array, role: "log" | "witness"): number {
  const digest = createHash("sha256");
  digest.update(`${name}\n`).update(Uint8Array.of(TYPES[role])).update(publicKey);
  return digest.digest().readUInt32BE(0);
}

/** `name+keyid+base64(type || key)`. */
export function formatVerifierKey(
  name: string,
  publicKey: Uint8Array,
  role: "log" | "witness" = "log",
): string {
  const keyId = keyIdOf(name, publicKey, role).toString(16).padStart(8, "0");
  const key = Buffer.concat([Uint8Array.of(TYPES[role]), publicKey]).toString("base64");
  return `${name}+${keyId}+${key}`;
}

/** Reads a vkey; white space around it is ignored. Throws a VerifierKeyError. */
export function parseVerifierKey(vkey: string): VerifierKey {
  const text = vkey.trim();
  // Base64 has plus signs of its own: only the first two separate.
  const first = text.indexOf("+");
  const second = text.indexOf("+", first + 1);
  if (first < 0 || second < 0) throw new VerifierKeyError("a verifier key is: name+id+base64");
  const name = text.slice(0, first);
  const typed = decodeBase64(text.slice(second + 1));
  if (!isKeyName(name)) throw new VerifierKeyError("the name of a verifier key has no spaces");
  const role = typed?.[0] === TYPES.log ? "log" : "witness";
  if (typed?.length !== 1 + PUBLIC_KEY_BYTES || typed[0] !== TYPES[role]) {
    throw new VerifierKeyError(`the key of ${name} is not Ed25519 (type 1 or 4)`);
  }
  const publicKey = typed.subarray(1);
  const keyId = keyIdOf(name, publicKey, role);
  if (text.slice(first + 1, second) !== keyId.toString(16).padStart(8, "0")) {
    throw new VerifierKeyError(
      `the id in the key of ${name} does not belong to it: it was changed`,
    );
  }
  return verifierKey({ name, keyId, role, publicKey });
}

function verifierKey(
  parts: Pick<VerifierKey, "name" | "keyId" | "role" | "publicKey">,
): VerifierKey {
  const { name, role, publicKey } = parts;
  const key = publicKeyObject(name, publicKey);
  return {
    ...parts,
    verify: role === "log" ? logVerifier(key) : witnessVerifier(key),
    verifyBytes: (bytes, signature) => role === "log" && isLineSignature(key, bytes, signature),
  };
}

function logVerifier(key: KeyObject): NoteVerifier["verify"] {
  return (text, signature) =>
    signature.length === SIGNATURE_BYTES && verify(null, text, key, signature);
}

/** tlog-cosignature, "Ed25519 signed message": header line, time line, and the whole text of the note. */
function witnessVerifier(key: KeyObject): NoteVerifier["verify"] {
  return (text, signature) => {
    if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return false;
    const bytes = Buffer.from(signature);
    const time = bytes.readBigInt64BE(0);
    // A time MUST NOT exceed 2^63 - 1: read with a sign, one that does is negative.
    if (time < 0n) return false;
    const header = Buffer.from(`cosignature/v1\ntime ${time}\n`);
    return verify(null, Buffer.concat([header, text]), key, bytes.subarray(TIME_BYTES));
  };
}

function isLineSignature(key: KeyObject, bytes: Uint8Array, signature: string): boolean {
  if (!signature.startsWith(LINE_SIGNATURE_PREFIX)) return false;
  const raw = decodeBase64(signature.slice(LINE_SIGNATURE_PREFIX.length));
  return raw?.length === SIGNATURE_BYTES && verify(null, bytes, key, raw);
}

function publicKeyObject(name: string, publicKey: Uint8Array): KeyObject {
  try {
    const spki = Buffer.concat([SPKI_PREFIX, publicKey]);
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch {
    throw new VerifierKeyError(`the key of ${name} is no Ed25519 public key`);
  }
}
