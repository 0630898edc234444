/**
 * Opens a signed pack: its form, its signatures and its hash, and nothing else. What it returns is what was signed; it
 * must never parse the YAML, and never let the file say how it is to be verified.
 */
import type { KeyObject } from "node:crypto";
import { envelopeOf, ENVELOPE_LIMIT_BYTES, signersOf } from "./dsse.ts";
import { keyId, requireSoundKey } from "./keys.ts";
import { packHash } from "./pack-hash.ts";
import { packJsonOf, signerOf } from "./pack-json.ts";
import { refusal } from "./refusal.ts";
import { readObject, type JsonObject } from "./strict-object.ts";

/** What an operator decided; it comes from configuration alone. */
export interface PackTrust {
  /** The form that is asked for; the other is refused. */
  readonly form: "pack_json" | "dsse";
  /** Public keys, at most `TRUSTED_KEYS_LIMIT`; one that is listed twice counts once. */
  readonly keys: readonly KeyObject[];
  /** How many different keys must have signed; 1 with `pack_json`, which has room for one signature. */
  readonly threshold: number;
}

export interface SignedSource {
  /** The bytes of `pack.json`, or of the envelope. */
  readonly signature: Uint8Array;
  /** The pack's file. With an envelope it is not needed, and must be what the envelope holds. */
  readonly yaml?: Uint8Array;
}

/** What was signed. `checkRelease` says whether it may be used, and what it is called. */
export interface OpenedPack {
  readonly form: PackTrust["form"];
  /** The YAML: parse these bytes, and none that were read again. */
  readonly bytes: Uint8Array;
  /** `id` and `version` of `pack.json`; an envelope has them in its release, which is not read here. */
  readonly id: string | undefined;
  readonly version: string | undefined;
  readonly blake3: string;
  /** How many different trusted keys signed. */
  readonly signers: number;
  /** Their `keyId`s. */
  readonly signerIds: readonly string[];
}

/** Each may cost a verification of each signature. */
const TRUSTED_KEYS_LIMIT = 16;

/** Members that tell what a file is meant to be. */
const MARKS = {
  pack_json: ["blake3", "signature"],
  dsse: ["payload", "payloadType", "signatures"],
} as const;

const NAMES = { pack_json: "a pack.json", dsse: "a DSSE envelope" } as const;

/** Members of a pack: YAML may be JSON too. */
const PACK_MARKS = ["policies", "wiring", "outputs"];

/** Throws a PackRefused; a code for each way to be wrong. */
export function openPack(source: SignedSource, trust: PackTrust): OpenedPack {
  const keys = differentKeys(trust);
  const object = readObject(source.signature, ENVELOPE_LIMIT_BYTES);
  requireForm(object, trust.form);
  return trust.form === "dsse"
    ? openEnvelope(object, source, { keys, threshold: trust.threshold })
    : openPackJson(object, source, keys);
}

function openPackJson(
  object: JsonObject,
  { signature, yaml }: SignedSource,
  keys: readonly KeyObject[],
): OpenedPack {
  const packJson = packJsonOf(object, signature);
  const signer = signerOf(packJson, keys);
  if (signer === undefined) {
    throw refusal(
      "pack.bad_signature",
      "the signature of pack.json is not by a trusted key, or id, version or blake3 was changed",
      "sign it with a key whose public key is trusted here",
    );
  }
  if (yaml === undefined) {
    throw refusal("pack.missing_yaml", "the YAML that pack.json signs is not there");
  }
  const blake3 = packHash(yaml);
  if (blake3 !== packJson.blake3) {
    throw refusal(
      "pack.hash_mismatch",
      `the YAML is not the one that was signed: its BLAKE3 is ${blake3}, signed was ${packJson.blake3}`,
    );
  }
  const { id, version } = packJson;
  return { form: "pack_json", bytes: yaml, id, version, blake3, ...signedBy([signer]) };
}

function openEnvelope(
  object: JsonObject,
  { signature, yaml }: SignedSource,
  { keys, threshold }: Omit<PackTrust, "form">,
): OpenedPack {
  const envelope = envelopeOf(object, signature);
  const signers = signersOf(envelope, keys);
  if (signers.length < threshold) {
    throw refusal(
      "pack.too_few_signatures",
      `${signers.length} of the trusted keys signed this envelope as it is; ${threshold} must`,
      "add a signature with `portcullis pack sign --add`",
    );
  }
  const bytes = envelope.payload;
  if (yaml !== undefined && !bytes.equals(yaml)) {
    throw refusal("pack.hash_mismatch", "the YAML is not what the envelope beside it holds");
  }
  const blake3 = packHash(bytes);
  return { form: "dsse", bytes, id: undefined, version: undefined, blake3, ...signedBy(signers) };
}

function signedBy(keys: readonly KeyObject[]): Pick<OpenedPack, "signers" | "signerIds"> {
  return { signers: keys.length, signerIds: keys.map(keyId) };
}

/** The form that is asked for has at least one member of its own; what else is wrong is its reader's to say. */
function requireForm(object: JsonObject, wanted: PackTrust["form"]): void {
  const other = wanted === "dsse" ? "pack_json" : "dsse";
  if (hasAny(object, MARKS[wanted])) return;
  if (hasAny(object, MARKS[other])) {
    throw refusal(
      "pack.wrong_form",
      `this is ${NAMES[other]}; asked for is ${NAMES[wanted]}`,
      "the configuration says which of the two is taken",
    );
  }
  if (hasAny(object, PACK_MARKS)) {
    throw refusal("pack.unsigned", "this is the pack itself, which nobody signed");
  }
}

function hasAny(object: JsonObject, names: readonly string[]): boolean {
  return names.some((name) => Object.hasOwn(object, name));
}

/** Each key once: whoever has one key must not be counted as two. */
function differentKeys({ form, keys, threshold }: PackTrust): KeyObject[] {
  for (const key of keys) requireSoundKey(key);
  const different = new Map(keys.map((key) => [keyId(key), key]));
  const { size } = different;
  if (size === 0 || keys.length > TRUSTED_KEYS_LIMIT) {
    throw badTrust(`1 to ${TRUSTED_KEYS_LIMIT} keys can be trusted, not ${keys.length}`);
  }
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > size) {
    throw badTrust(`${threshold} signatures by ${size} different keys can never be had`);
  }
  if (form === "pack_json" && threshold !== 1) {
    throw badTrust("pack.json has one signature; with more the form is dsse");
  }
  return [...different.values()];
}

function badTrust(message: string): Error {
  return refusal("pack.bad_trust", message);
}
