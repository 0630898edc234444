/** Packs, keys and signatures for tests, and the whole way from bytes to a pack that may be used. */
import { sign, type KeyObject } from "node:crypto";
import { readPack } from "../read/read-pack.ts";
import { PAYLOAD_TYPE, preAuthenticationEncoding } from "./dsse.ts";
import { createPackKey, readPrivateKey, readPublicKey } from "./keys.ts";
import { packHash } from "./pack-hash.ts";
import { checkRelease, type PackIdentity, type ReleaseCircumstances } from "./release.ts";
import { openPack, type PackTrust, type SignedSource } from "./trust.ts";

export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly privatePem: string;
  readonly publicPem: string;
}

export function newKey(): TestKey {
  const { privatePem, publicPem } = createPackKey();
  return {
    privatePem,
    publicPem,
    privateKey: readPrivateKey(privatePem),
    publicKey: readPublicKey(publicPem),
  };
}

/** In the middle of the time of `RELEASE`. */
export const NOW_MS = Date.parse("2026-11-22T12:00:00Z");

export interface TestRelease {
  readonly name?: string;
  readonly version?: number;
  readonly notBefore?: string;
  readonly expires?: string;
  readonly prev?: string;
}

/** A small pack; with `release` it says one. */
export function yamlOf(release?: TestRelease, group = "operators"): Buffer {
  const {
    name = "doors",
    version = 7,
    notBefore = "2026-11-01T00:00:00Z",
    expires = "2027-05-01T00:00:00Z",
    prev,
  } = release ?? {};
  const lines = [
    `release:`,
    `  name: ${name}`,
    `  version: ${version}`,
    `  not_before: ${notBefore}`,
    `  expires: ${expires}`,
    ...(prev === undefined ? [] : [`  prev: "${prev}"`]),
  ];
  return Buffer.from(
    [
      `version: "tdln-chip/0.3"`,
      ...(release === undefined ? [] : lines),
      `policies:`,
      `  - id: P_Group`,
      `    description: "who may"`,
      `    logic: "context.user.groups CONTAINS '${group}'"`,
      `wiring:`,
      `  - id: W_Group`,
      `    structure:`,
      `      sequence: [P_Group]`,
      `outputs:`,
      `  - allow_group:`,
      `      trigger: W_Group`,
      `      action: "HTTP 200"`,
      ``,
    ].join("\n"),
  );
}

/** The members of a `pack.json` whose signature is good, whatever they say. */
export function packJsonMembers(
  key: TestKey,
  {
    id = "doors",
    version = "7",
    yaml = yamlOf(),
  }: Partial<Record<"id" | "version", string>> & {
    readonly yaml?: Uint8Array;
  } = {},
): Record<string, unknown> {
  const blake3 = packHash(yaml);
  const text = Buffer.from(`id=${id}\nversion=${version}\nblake3=${blake3}\n`);
  const signature = sign(null, text, key.privateKey).toString("base64");
  return { id, version, blake3, signature, created_at: 1_793_000_000 };
}

export interface EnvelopeMembers {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
}

/** The members of an envelope whose signatures are good. */
export function envelopeMembers(
  keys: readonly TestKey[],
  yaml: Uint8Array = yamlOf({}),
  payloadType: string = PAYLOAD_TYPE,
): EnvelopeMembers {
  const signed = preAuthenticationEncoding(payloadType, yaml);
  return {
    payload: Buffer.from(yaml).toString("base64"),
    payloadType,
    signatures: keys.map(({ privateKey }) => ({
      sig: sign(null, signed, privateKey).toString("base64"),
    })),
  };
}

export function bytesOf(value: unknown): Buffer {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}

/** The whole way: opened, read, and allowed to be used now. Throws a PackRefused. */
export function admit(
  source: SignedSource,
  trust: PackTrust,
  circumstances: Partial<ReleaseCircumstances> = {},
): PackIdentity {
  const opened = openPack(source, trust);
  return checkRelease(readPack(opened.bytes), opened, { nowMs: NOW_MS, ...circumstances });
}

/** The code that something was refused with, or what it returned. */
export function codeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return (error as { readonly code?: string }).code ?? error;
  }
}
