/**
 * A witness's verifier key and what it signs (https://c2sp.org/tlog-cosignature): Ed25519, and ML-DSA-44 where this Node
 * has it. It must never take a cosignature without a time: only that says the tree was the largest seen.
 */
import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { decodeBase64 } from "../base64.ts";
import { isKeyName, type NoteVerifier } from "../signed-note.ts";
import { parseVerifierKey, VerifierKeyError } from "../verifier-key.ts";
import { OutwardError } from "./outward-error.ts";

const ML_DSA_TYPE = 0x06;
const ML_DSA_KEY_BYTES = 1_312;
const ML_DSA_SIGNATURE_BYTES = 2_420;
const TIME_BYTES = 8;
/** Everything before the key in the SPKI form of an ML-DSA-44 key (RFC 9881 section 4). */
const ML_DSA_SPKI_PREFIX = Buffer.from("30820532300b06096086480165030403110382052100", "hex");
/** `label` of the signed message: ten characters, LF, NUL. */
const ML_DSA_LABEL = Buffer.from("subtree/v1\n\0", "latin1");

/** Reads a witness's vkey (type 0x04 or 0x06). Throws `witness.bad_key` or `witness.key_unsupported`. */
export function parseWitnessKey(vkey: string): NoteVerifier {
  const text = vkey.trim();
  const second = text.indexOf("+", text.indexOf("+") + 1);
  const typed = second < 0 ? undefined : decodeBase64(text.slice(second + 1));
  if (typed?.[0] === ML_DSA_TYPE) return mlDsaVerifier(text, typed);
  try {
    const key = parseVerifierKey(text);
    if (key.role === "witness") return key;
  } catch (error) {
    if (!(error instanceof VerifierKeyError)) throw error;
    throw new OutwardError("witness.bad_key", `a witness's key cannot be read: ${error.message}`, {
      cause: error,
    });
  }
  throw new OutwardError(
    "witness.bad_key",
    "this is the key of a log (type 1); a witness's has type 4 (Ed25519) or 6 (ML-DSA-44)",
  );
}

function mlDsaVerifier(text: string, typed: Buffer): NoteVerifier {
  const name = text.slice(0, text.indexOf("+"));
  const digest = createHash("sha256").update(`${name}\n`).update(typed).digest();
  const isWhole = typed.length === 1 + ML_DSA_KEY_BYTES && isKeyName(name);
  const id = text.slice(name.length + 1, name.length + 9);
  if (!isWhole || id !== digest.toString("hex", 0, 4))
    throw new OutwardError(
      "witness.bad_key",
      "a witness's ML-DSA-44 key is: name+id+base64, 1,312 bytes behind the type",
    );
  const key = mlDsaKey(name, typed.subarray(1));
  return {
    name,
    keyId: digest.readUInt32BE(0),
    verify(note, signature) {
      const message = mlDsaMessage(name, Buffer.from(note), signature);
      return message !== undefined && verify(null, message, key, signature.subarray(TIME_BYTES));
    },
  };
}

function mlDsaKey(name: string, key: Buffer): KeyObject {
  try {
    const spki = Buffer.concat([ML_DSA_SPKI_PREFIX, key]);
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch (error) {
    throw new OutwardError(
      "witness.key_unsupported",
      `this Node (${process.version}) has no ML-DSA-44, which ${name} signs with; use Node 24, or the witness's Ed25519 key`,
      { cause: error },
    );
  }
}

/** `cosigned_message` of tlog-cosignature for a whole tree. Extension lines of the checkpoint are not in it. */
function mlDsaMessage(cosigner: string, note: Buffer, signature: Uint8Array): Buffer | undefined {
  const [origin = "", sizeText = "", rootText = ""] = note.toString("utf8").split("\n");
  const root = decodeBase64(rootText);
  const isSize = /^(0|[1-9]\d{0,15})$/.test(sizeText);
  if (signature.length !== TIME_BYTES + ML_DSA_SIGNATURE_BYTES || root?.length !== 32 || !isSize)
    return undefined;
  const range = Buffer.alloc(16);
  range.writeBigUInt64BE(BigInt(sizeText), 8);
  return Buffer.concat([
    ML_DSA_LABEL,
    shortVector(cosigner),
    signature.subarray(0, TIME_BYTES),
    shortVector(origin),
    range,
    root,
  ]);
}

/** A vector with one byte of length (RFC 8446 section 3.4). Names this long are refused by the key's own check. */
function shortVector(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([Uint8Array.of(bytes.length & 0xff), bytes]);
}
