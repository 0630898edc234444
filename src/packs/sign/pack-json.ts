/**
 * `pack.json`, the signature that stands beside its YAML: `{id, version, blake3, signature, created_at}`. It must never
 * write more or other members: readers of today's packs take exactly these. `created_at` is not signed, and is not read.
 */
import { sign, verify, type KeyObject } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { isPackHash, packHash } from "./pack-hash.ts";
import { refusal } from "./refusal.ts";
import {
  readObject,
  requireMembers,
  requireNothingTwice,
  requireSize,
  textMember,
  type JsonObject,
} from "./strict-object.ts";

/** A real one has about 300; more only costs memory before it is refused. */
const PACK_JSON_LIMIT_BYTES = 65_536;

/** Of `id` and of `version`: they stand in every record of a decision. */
const IDENTITY_LIMIT_CHARACTERS = 256;

/** Bytes of a signature (RFC 8032 section 5.1.6). */
const SIGNATURE_BYTES = 64;

const MEMBERS = ["id", "version", "blake3", "signature", "created_at"];

/** Today's signers write seconds; a time in words, which says no more, is let through too. */
const TIME_IN_WORDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** What is signed. */
interface SignedParts {
  readonly id: string;
  readonly version: string;
  readonly blake3: string;
}

export interface PackJson extends SignedParts {
  readonly signature: Buffer;
}

/** The text of the file. Throws a PackRefused, `pack.bad_identity`. */
export function signPackJson(options: {
  /** The YAML. */
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly version: string;
  readonly key: KeyObject;
  readonly createdAtMs: number;
}): string {
  const { bytes, id, version, key, createdAtMs } = options;
  requireIdentity("id", id);
  requireIdentity("version", version);
  const blake3 = packHash(bytes);
  const signature = sign(null, signedText({ id, version, blake3 }), key).toString("base64");
  const created_at = Math.floor(createdAtMs / 1000);
  return JSON.stringify({ id, version, blake3, signature, created_at }, undefined, 2);
}

/** Reads the file; its signature is not verified yet. Throws a PackRefused. */
export function readPackJson(bytes: Uint8Array): PackJson {
  return packJsonOf(readObject(bytes, PACK_JSON_LIMIT_BYTES), bytes);
}

/** `object` is what `readObject` made of the bytes. */
export function packJsonOf(object: JsonObject, bytes: Uint8Array): PackJson {
  requireSize(bytes, PACK_JSON_LIMIT_BYTES);
  requireMembers(object, MEMBERS);
  const [id, version, blake3, base64] = ["id", "version", "blake3", "signature"].map((name) =>
    textMember(object, name, "pack.bad_pack_json"),
  ) as [string, string, string, string];
  if (!isTime(object["created_at"])) {
    throw refusal("pack.bad_pack_json", 'the member "created_at" is not a time in seconds');
  }
  requireNothingTwice(bytes, object);
  requireIdentity("id", id);
  requireIdentity("version", version);
  if (!isPackHash(blake3)) {
    throw refusal("pack.bad_pack_json", '"blake3" is not 64 lower-case hexadecimal digits');
  }
  const signature = decodeBase64(base64);
  if (signature === undefined) {
    throw refusal("pack.bad_base64", '"signature" is not standard base64 in its one right form');
  }
  requireSignatureLength(signature);
  return { id, version, blake3, signature };
}

/** The key whose signature it is, or undefined. */
export function signerOf(packJson: PackJson, keys: readonly KeyObject[]): KeyObject | undefined {
  const text = signedText(packJson);
  return keys.find((key) => verify(null, text, key, packJson.signature));
}

/** Throws a PackRefused, `pack.bad_signature_length`. */
export function requireSignatureLength(signature: Uint8Array): void {
  if (signature.length === SIGNATURE_BYTES) return;
  throw refusal(
    "pack.bad_signature_length",
    `an Ed25519 signature has ${SIGNATURE_BYTES} bytes, this one ${signature.length}`,
  );
}

/** No control characters in any part: a newline would let an id say what the version is. */
function signedText({ id, version, blake3 }: SignedParts): Buffer {
  return Buffer.from(`id=${id}\nversion=${version}\nblake3=${blake3}\n`, "utf8");
}

/** Lone surrogates are refused since UTF-8 would write all of them, and U+FFFD, in one way. */
function requireIdentity(name: "id" | "version", text: string): void {
  const isPlain = text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
  if (isPlain && text.length > 0 && text.length <= IDENTITY_LIMIT_CHARACTERS) return;
  throw refusal(
    "pack.bad_identity",
    `"${name}" is one line of 1 to ${IDENTITY_LIMIT_CHARACTERS} characters without control characters`,
  );
}

function isTime(value: unknown): boolean {
  return typeof value === "string"
    ? TIME_IN_WORDS.test(value)
    : Number.isSafeInteger(value) && (value as number) >= 0;
}
