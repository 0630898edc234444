/**
 * DSSE 1.0.0 (https://github.com/secure-systems-lab/dsse): a pack and its signatures in one file. It must never hand out
 * a payload other than the very bytes whose signatures verified, and never decide anything by a `keyid`.
 */
import { createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { decodeEitherBase64 } from "./base64.ts";
import { requireSignatureLength } from "./pack-json.ts";
import { refusal } from "./refusal.ts";
import {
  asObject,
  readObject,
  requireMembers,
  requireNothingTwice,
  textMember,
  type JsonObject,
} from "./strict-object.ts";

export const PAYLOAD_TYPE = "application/vnd.portcullis.constitution+yaml";

/** A pack of the largest size in base64, its signatures and white space; more only costs memory before it is refused. */
export const ENVELOPE_LIMIT_BYTES = 2_097_152;

/** Each may cost a verification over the whole payload with each trusted key: minutes of work if thousands were taken. */
export const SIGNATURES_LIMIT = 16;

export interface Envelope {
  readonly payload: Buffer;
  readonly signatures: readonly Buffer[];
}

interface SignatureMember {
  readonly sig: string;
  readonly keyid?: string;
}

/**
 * The text of the file. No `keyid` is written: it would be the one part that can be changed unseen. Throws a
 * PackRefused: `pack.already_signed`, `pack.no_signatures`, `pack.too_many_signatures`.
 */
export function signEnvelope(options: {
  /** The YAML. */
  readonly bytes: Uint8Array;
  /** Private keys, each another. */
  readonly keys: readonly KeyObject[];
}): string {
  return envelopeText(Buffer.from(options.bytes).toString("base64"), [], options);
}

/** The same envelope with one more signature for each key; those that stand there stay as they are. */
export function addSignatures(envelope: Uint8Array, keys: readonly KeyObject[]): string {
  const object = readObject(envelope, ENVELOPE_LIMIT_BYTES);
  const { payload } = envelopeOf(object, envelope);
  const present = object["signatures"] as readonly SignatureMember[];
  return envelopeText(object["payload"] as string, present, { bytes: payload, keys });
}

/** Reads the file; its signatures are not verified yet. Throws a PackRefused. */
export function readEnvelope(bytes: Uint8Array): Envelope {
  return envelopeOf(readObject(bytes, ENVELOPE_LIMIT_BYTES), bytes);
}

/** `object` is what `readObject` made of the bytes. */
export function envelopeOf(object: JsonObject, bytes: Uint8Array): Envelope {
  requireMembers(object, ["payload", "payloadType", "signatures"]);
  const base64 = textMember(object, "payload", "pack.bad_envelope");
  const payloadType = textMember(object, "payloadType", "pack.bad_envelope");
  const signatures = signatureTexts(object["signatures"]);
  requireNothingTwice(bytes, object);
  if (payloadType !== PAYLOAD_TYPE) {
    throw refusal("pack.wrong_payload_type", `the envelope does not hold ${PAYLOAD_TYPE}`);
  }
  return { payload: bytesOf("payload", base64), signatures: signatures.map(signatureOf) };
}

/**
 * The keys that signed, each once, in their order. A signature by nobody known is passed over (DSSE, "Multi-signature
 * Verification"): it may be another gateway's officer's.
 */
export function signersOf(
  { payload, signatures }: Envelope,
  keys: readonly KeyObject[],
): KeyObject[] {
  const signed = preAuthenticationEncoding(PAYLOAD_TYPE, payload);
  const left = new Set(signatures);
  return keys.filter((key) => {
    const own = [...left].find((signature) => verify(null, signed, key, signature));
    return own !== undefined && left.delete(own);
  });
}

/** PAE: what is signed. Lengths make sure that no two pairs of type and body have the same encoding. */
export function preAuthenticationEncoding(type: string, body: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `;
  return Buffer.concat([Buffer.from(head, "utf8"), body]);
}

function envelopeText(
  payload: string,
  present: readonly SignatureMember[],
  { bytes, keys }: { readonly bytes: Uint8Array; readonly keys: readonly KeyObject[] },
): string {
  const signed = preAuthenticationEncoding(PAYLOAD_TYPE, bytes);
  const signatures = [...present];
  for (const key of keys) {
    if (signatures.some(({ sig }) => verify(null, signed, publicOf(key), bytesOf("sig", sig)))) {
      throw refusal("pack.already_signed", "this key has signed already: it counts once");
    }
    signatures.push({ sig: sign(null, signed, key).toString("base64") });
  }
  requireSignatureCount(signatures.length);
  return `${JSON.stringify({ payload, payloadType: PAYLOAD_TYPE, signatures })}\n`;
}

function publicOf(key: KeyObject): KeyObject {
  return createPublicKey(key);
}

function signatureTexts(value: unknown): string[] {
  if (!Array.isArray(value)) {
    throw refusal("pack.bad_envelope", 'the member "signatures" of the envelope is not a list');
  }
  requireSignatureCount(value.length);
  return value.map((each) => {
    const member = asObject(each);
    if (member === undefined) {
      throw refusal("pack.bad_envelope", 'in "signatures" stands what is not an object');
    }
    requireMembers(member, ["sig"], ["keyid"]);
    if (Object.hasOwn(member, "keyid")) textMember(member, "keyid", "pack.bad_envelope");
    return textMember(member, "sig", "pack.bad_envelope");
  });
}

function requireSignatureCount(count: number): void {
  if (count === 0) {
    throw refusal("pack.no_signatures", "nobody signed this envelope");
  }
  if (count > SIGNATURES_LIMIT) {
    throw refusal(
      "pack.too_many_signatures",
      `an envelope has at most ${SIGNATURES_LIMIT} signatures, this one ${count}`,
    );
  }
}

function signatureOf(base64: string): Buffer {
  const signature = bytesOf("sig", base64);
  requireSignatureLength(signature);
  return signature;
}

function bytesOf(name: string, base64: string): Buffer {
  const bytes = decodeEitherBase64(base64);
  if (bytes !== undefined) return bytes;
  throw refusal("pack.bad_base64", `"${name}" is not base64 in its one right form`);
}
