/** What an attacker, a careless hand or an old backup puts in the place of a signed pack: each is refused, and by name. */
import { generateKeyPairSync, sign, createPublicKey, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PackErrorCode } from "../pack-error.ts";
import { packHash } from "./pack-hash.ts";
import type { ReleaseCircumstances } from "./release.ts";
import { signResponse } from "./response-signature.ts";
import {
  admit,
  bytesOf,
  codeOf,
  envelopeMembers,
  newKey,
  packJsonMembers,
  yamlOf,
} from "./signed-packs.test-support.ts";
import type { PackTrust, SignedSource } from "./trust.ts";

const KEY = newKey();
const OTHER = newKey();
const STRANGER = newKey();
const SEVENTEEN = Array.from({ length: 17 }, newKey);

const YAML = yamlOf();
const RELEASED = yamlOf({});
const GOOD = packJsonMembers(KEY);
const ENVELOPE = envelopeMembers([KEY, OTHER]);
const [FIRST_SIGNATURE, SECOND_SIGNATURE] = ENVELOPE.signatures;

const ONE: PackTrust = { form: "pack_json", keys: [KEY.publicKey], threshold: 1 };
const TWO: PackTrust = { form: "dsse", keys: [KEY.publicKey, OTHER.publicKey], threshold: 2 };
const ANY: PackTrust = { ...TWO, threshold: 1 };

/** The order of the base point (RFC 8032 section 5.1): a scalar beyond it is another text of the same signature. */
const L = (1n << 252n) + 27742317777372353535851937790883648493n;

interface Attempt {
  readonly source: SignedSource;
  readonly trust: PackTrust;
  readonly circumstances?: Partial<ReleaseCircumstances>;
}

type Row = readonly [what: string, code: PackErrorCode, attempt: Attempt];

const beside = (members: unknown, yaml: Uint8Array = YAML): Attempt => ({
  source: { signature: bytesOf(members), yaml },
  trust: ONE,
});
const changed = (change: Record<string, unknown>): Attempt => beside({ ...GOOD, ...change });
const raw = (bytes: Uint8Array): Attempt => ({
  source: { signature: bytes, yaml: YAML },
  trust: ONE,
});
const enclosed = (members: unknown, trust: PackTrust = TWO): Attempt => ({
  source: { signature: bytesOf(members) },
  trust,
});
const released = (
  release: Parameters<typeof yamlOf>[0],
  circumstances: Partial<ReleaseCircumstances> = {},
): Attempt => ({
  ...enclosed(envelopeMembers([KEY, OTHER], yamlOf(release))),
  circumstances,
});
const without = (name: string, members: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));
const replaced = (text: string, from: string, to: string): string => {
  expect(text).toContain(from);
  return text.replace(from, to);
};

const GOOD_TEXT = JSON.stringify(GOOD);
const ENVELOPE_TEXT = JSON.stringify(ENVELOPE);
const SIGNATURE = Buffer.from(GOOD["signature"] as string, "base64");

/** The last digit before the padding has four loose bits. */
function looseBits(base64: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const last = base64.replace(/=+$/, "").length - 1;
  const other = alphabet[alphabet.indexOf(base64[last] as string) + 1] as string;
  return base64.slice(0, last) + other + base64.slice(last + 1);
}

/** The same signature with the scalar S + L. */
function beyondOrder(signature: Buffer): string {
  const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + L;
  const digits = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([signature.subarray(0, 32), digits]).toString("base64");
}

/** The neutral point as a key, and the signature that then holds for every text. */
const NEUTRAL = Buffer.from("01".padEnd(64, "0"), "hex");
const NEUTRAL_KEY = createPublicKey({
  key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), NEUTRAL]),
  format: "der",
  type: "spki",
});
const FOR_EVERYTHING = Buffer.concat([NEUTRAL, Buffer.alloc(32)]);

const PACK_JSON_ROWS: readonly Row[] = [
  ["nothing", "pack.signature_not_json", raw(Buffer.alloc(0))],
  ["the pack itself", "pack.unsigned", raw(YAML)],
  [
    "the pack itself, written as JSON",
    "pack.unsigned",
    raw(bytesOf({ version: "tdln-chip/0.3", policies: [] })),
  ],
  ["half of it", "pack.signature_not_json", raw(bytesOf(GOOD_TEXT.slice(0, 150)))],
  ["all but the last byte", "pack.signature_not_json", raw(bytesOf(GOOD_TEXT.slice(0, -1)))],
  ["something behind it", "pack.signature_not_json", raw(bytesOf(`${GOOD_TEXT}x`))],
  ["two of them", "pack.signature_not_json", raw(bytesOf(GOOD_TEXT + GOOD_TEXT))],
  ["a comma too many", "pack.signature_not_json", raw(bytesOf(GOOD_TEXT.replace("}", ",}")))],
  ["a byte order mark", "pack.byte_order_mark", raw(bytesOf(`\uFEFF${GOOD_TEXT}`))],
  [
    "bytes that are no UTF-8",
    "pack.not_utf8",
    raw(Buffer.from(GOOD_TEXT.replace("doors", "d\u00FFors"), "latin1")),
  ],
  ["a million spaces", "pack.signature_too_large", raw(bytesOf(GOOD_TEXT.padEnd(1_000_000)))],
  ["three million spaces", "pack.signature_too_large", raw(bytesOf(GOOD_TEXT.padEnd(3_000_000)))],
  ["an id twice", "pack.duplicate_member", raw(bytesOf(`{"id":"other",${GOOD_TEXT.slice(1)}`))],
  [
    "an id twice, once escaped",
    "pack.duplicate_member",
    raw(bytesOf(`{"\\u0069d":"other",${GOOD_TEXT.slice(1)}`)),
  ],
  ["a time twice", "pack.duplicate_member", raw(bytesOf(`{"created_at":1,${GOOD_TEXT.slice(1)}`))],
  [
    "a hash twice, once an object",
    "pack.duplicate_member",
    raw(bytesOf(`{"blake3":{},${GOOD_TEXT.slice(1)}`)),
  ],
  ["a member more", "pack.unknown_member", changed({ expires: 1 })],
  [
    "a prototype",
    "pack.unknown_member",
    raw(bytesOf(`{"__proto__":{"id":"x"},${GOOD_TEXT.slice(1)}`)),
  ],
  ["a member of an envelope more", "pack.unknown_member", changed({ payload: "" })],
  ["no time", "pack.missing_member", beside(without("created_at", GOOD))],
  ["no signature", "pack.missing_member", beside(without("signature", GOOD))],
  ["nothing in it", "pack.missing_member", beside({})],
  ["a number for a version", "pack.bad_pack_json", changed({ version: 7 })],
  ["null for a signature", "pack.bad_pack_json", changed({ signature: null })],
  ["true for a time", "pack.bad_pack_json", changed({ created_at: true })],
  ["a time before time", "pack.bad_pack_json", changed({ created_at: -1 })],
  ["words for a time", "pack.bad_pack_json", changed({ created_at: "yesterday" })],
  ["a hash in capitals", "pack.bad_pack_json", changed({ blake3: packHash(YAML).toUpperCase() })],
  ["a hash without its end", "pack.bad_pack_json", changed({ blake3: packHash(YAML).slice(1) })],
  [
    "an id that says the version",
    "pack.bad_identity",
    beside(packJsonMembers(KEY, { id: "doors\nversion=9" })),
  ],
  [
    "a NUL in the version",
    "pack.bad_identity",
    beside(packJsonMembers(KEY, { version: "7\u0000" })),
  ],
  [
    "a line separator in the id",
    "pack.bad_identity",
    beside(packJsonMembers(KEY, { id: "doors\u2028" })),
  ],
  [
    "half a character in the id",
    "pack.bad_identity",
    beside(packJsonMembers(KEY, { id: "doors\uD800" })),
  ],
  ["no id", "pack.bad_identity", beside(packJsonMembers(KEY, { id: "" }))],
  [
    "an endless version",
    "pack.bad_identity",
    beside(packJsonMembers(KEY, { version: "7".repeat(257) })),
  ],
  [
    "loose bits in the base64",
    "pack.bad_base64",
    changed({ signature: looseBits(GOOD["signature"] as string) }),
  ],
  [
    "a space in the base64",
    "pack.bad_base64",
    changed({ signature: `${GOOD["signature"] as string} ` }),
  ],
  [
    "the other alphabet",
    "pack.bad_base64",
    changed({ signature: Buffer.alloc(64, 0xff).toString("base64").replaceAll("/", "_") }),
  ],
  [
    "a signature of 63 bytes",
    "pack.bad_signature_length",
    changed({ signature: SIGNATURE.subarray(1).toString("base64") }),
  ],
  [
    "a signature of 65 bytes",
    "pack.bad_signature_length",
    changed({ signature: Buffer.concat([SIGNATURE, Buffer.alloc(1)]).toString("base64") }),
  ],
  ["no bytes for a signature", "pack.bad_signature_length", changed({ signature: "" })],
  [
    "zeros for a signature",
    "pack.bad_signature",
    changed({ signature: Buffer.alloc(64).toString("base64") }),
  ],
  [
    "another text of the signature",
    "pack.bad_signature",
    changed({ signature: beyondOrder(SIGNATURE) }),
  ],
  ["a stranger's signature", "pack.bad_signature", beside(packJsonMembers(STRANGER))],
  ["another id", "pack.bad_signature", changed({ id: "windows" })],
  ["a higher version", "pack.bad_signature", changed({ version: "8" })],
  [
    "the hash of other rules",
    "pack.bad_signature",
    beside(
      { ...GOOD, blake3: packHash(yamlOf(undefined, "everyone")) },
      yamlOf(undefined, "everyone"),
    ),
  ],
  [
    "the signature of an envelope",
    "pack.bad_signature",
    changed({ signature: FIRST_SIGNATURE?.sig }),
  ],
  [
    "the signature of the bare YAML",
    "pack.bad_signature",
    changed({ signature: sign(null, YAML, KEY.privateKey).toString("base64") }),
  ],
  ["the signature of an answer", "pack.bad_signature", changed({ signature: signatureOfAnswer() })],
  ["other rules", "pack.hash_mismatch", beside(GOOD, yamlOf(undefined, "everyone"))],
  ["rules without their end", "pack.hash_mismatch", beside(GOOD, YAML.subarray(0, -30))],
  ["no rules", "pack.hash_mismatch", beside(GOOD, Buffer.alloc(0))],
  ["rules of another signed pack", "pack.hash_mismatch", beside(GOOD, RELEASED)],
  [
    "rules with other line ends",
    "pack.hash_mismatch",
    beside(GOOD, bytesOf(YAML.toString().replaceAll("\n", "\r\n"))),
  ],
  [
    "rules with a mark before them",
    "pack.hash_mismatch",
    beside(GOOD, bytesOf(`\uFEFF${YAML.toString()}`)),
  ],
  [
    "rules that are not there",
    "pack.missing_yaml",
    { source: { signature: bytesOf(GOOD) }, trust: ONE },
  ],
  [
    "an envelope in its place",
    "pack.wrong_form",
    { source: { signature: bytesOf(ENVELOPE), yaml: RELEASED }, trust: ONE },
  ],
];

const ENVELOPE_ROWS: readonly Row[] = [
  [
    "a pack.json in its place",
    "pack.wrong_form",
    { source: { signature: bytesOf(GOOD), yaml: YAML }, trust: ANY },
  ],
  [
    "the pack itself in its place",
    "pack.unsigned",
    { source: { signature: RELEASED }, trust: ANY },
  ],
  ["half of it", "pack.signature_not_json", enclosed(ENVELOPE_TEXT.slice(0, 400))],
  ["three megabytes", "pack.signature_too_large", enclosed(ENVELOPE_TEXT.padEnd(3_000_000))],
  ["all signatures cut out", "pack.no_signatures", enclosed({ ...ENVELOPE, signatures: [] }, ANY)],
  [
    "the list of signatures cut out",
    "pack.missing_member",
    enclosed(without("signatures", { ...ENVELOPE }), ANY),
  ],
  ["seventeen signatures", "pack.too_many_signatures", enclosed(envelopeMembers(SEVENTEEN), ANY)],
  [
    "another type",
    "pack.wrong_payload_type",
    enclosed({ ...ENVELOPE, payloadType: "application/vnd.in-toto+json" }),
  ],
  [
    "another type, signed as such",
    "pack.wrong_payload_type",
    enclosed(envelopeMembers([KEY, OTHER], RELEASED, "text/yaml")),
  ],
  [
    "another type that is called ours",
    "pack.too_few_signatures",
    enclosed({
      ...ENVELOPE,
      signatures: envelopeMembers([KEY, OTHER], RELEASED, "text/yaml").signatures,
    }),
  ],
  [
    "other rules",
    "pack.too_few_signatures",
    enclosed({ ...ENVELOPE, payload: yamlOf({}, "everyone").toString("base64") }),
  ],
  [
    "one of two signatures",
    "pack.too_few_signatures",
    enclosed({ ...ENVELOPE, signatures: [FIRST_SIGNATURE] }),
  ],
  [
    "one signature twice",
    "pack.too_few_signatures",
    enclosed({ ...ENVELOPE, signatures: [FIRST_SIGNATURE, FIRST_SIGNATURE] }),
  ],
  [
    "one key under two names",
    "pack.too_few_signatures",
    enclosed({
      ...ENVELOPE,
      signatures: [
        { ...FIRST_SIGNATURE, keyid: "a" },
        { ...FIRST_SIGNATURE, keyid: "b" },
      ],
    }),
  ],
  [
    "a stranger's second signature",
    "pack.too_few_signatures",
    enclosed(envelopeMembers([KEY, STRANGER])),
  ],
  [
    "signatures by strangers alone",
    "pack.too_few_signatures",
    enclosed(envelopeMembers([STRANGER]), ANY),
  ],
  [
    "a signature of the bare rules",
    "pack.too_few_signatures",
    enclosed(
      {
        ...ENVELOPE,
        signatures: [{ sig: sign(null, RELEASED, KEY.privateKey).toString("base64") }],
      },
      ANY,
    ),
  ],
  [
    "the signature of a pack.json",
    "pack.too_few_signatures",
    enclosed(
      { ...ENVELOPE, signatures: [{ sig: packJsonMembers(KEY, { yaml: RELEASED })["signature"] }] },
      ANY,
    ),
  ],
  [
    "both alphabets in one text",
    "pack.bad_base64",
    enclosed({ ...ENVELOPE, signatures: [{ sig: `+_${(SECOND_SIGNATURE?.sig ?? "").slice(2)}` }] }),
  ],
  [
    "no padding",
    "pack.bad_base64",
    enclosed({ ...ENVELOPE, signatures: [{ sig: FIRST_SIGNATURE?.sig.replaceAll("=", "") }] }),
  ],
  [
    "loose bits",
    "pack.bad_base64",
    enclosed({ ...ENVELOPE, signatures: [{ sig: looseBits(FIRST_SIGNATURE?.sig ?? "") }] }),
  ],
  [
    "something behind the payload's base64",
    "pack.bad_base64",
    enclosed({ ...ENVELOPE, payload: `${ENVELOPE.payload}\n` }),
  ],
  [
    "a signature of 32 bytes",
    "pack.bad_signature_length",
    enclosed({ ...ENVELOPE, signatures: [{ sig: Buffer.alloc(32).toString("base64") }] }),
  ],
  ["a payload twice", "pack.duplicate_member", enclosed(`{"payload":"",${ENVELOPE_TEXT.slice(1)}`)],
  [
    "a signature twice in one entry",
    "pack.duplicate_member",
    enclosed(replaced(ENVELOPE_TEXT, '{"sig":', '{"sig":"","sig":')),
  ],
  [
    "a list of signatures twice",
    "pack.duplicate_member",
    enclosed(`{"signatures":[],${ENVELOPE_TEXT.slice(1)}`),
  ],
  ["a member more", "pack.unknown_member", enclosed({ ...ENVELOPE, threshold: 1 })],
  [
    "a certificate in a signature",
    "pack.unknown_member",
    enclosed({ ...ENVELOPE, signatures: [{ ...FIRST_SIGNATURE, cert: "" }] }),
  ],
  [
    "no list of signatures",
    "pack.bad_envelope",
    enclosed({ ...ENVELOPE, signatures: FIRST_SIGNATURE }),
  ],
  [
    "a signature without its object",
    "pack.bad_envelope",
    enclosed({ ...ENVELOPE, signatures: [FIRST_SIGNATURE?.sig] }),
  ],
  [
    "a number for a keyid",
    "pack.bad_envelope",
    enclosed({ ...ENVELOPE, signatures: [{ ...FIRST_SIGNATURE, keyid: 1 }] }),
  ],
  ["null for a payload", "pack.bad_envelope", enclosed({ ...ENVELOPE, payload: null })],
  [
    "other rules beside it",
    "pack.hash_mismatch",
    { source: { signature: bytesOf(ENVELOPE), yaml: YAML }, trust: TWO },
  ],
  [
    "signed, but no YAML",
    "pack.yaml_syntax",
    enclosed(envelopeMembers([KEY, OTHER], bytesOf("policies: ["))),
  ],
];

const RELEASE_ROWS: readonly Row[] = [
  [
    "an envelope without a release",
    "pack.release_missing",
    enclosed(envelopeMembers([KEY, OTHER], YAML)),
  ],
  [
    "a pack.json from before releases",
    "pack.release_missing",
    { ...beside(GOOD), circumstances: { highest: { name: "doors", version: 6 } } },
  ],
  ["an older release", "pack.rollback", released({}, { highest: { name: "doors", version: 8 } })],
  [
    "an older release by pack.json",
    "pack.rollback",
    {
      ...beside(packJsonMembers(KEY, { version: "99", yaml: RELEASED }), RELEASED),
      circumstances: { highest: { name: "doors", version: 8 } },
    },
  ],
  [
    "other rules as the same release",
    "pack.version_reused",
    released({}, { highest: { name: "doors", version: 7 }, active: { blake3: packHash(YAML) } }),
  ],
  [
    "other rules as a release that is not active any more",
    "pack.version_reused",
    released({}, { highest: { name: "doors", version: 7, blake3: packHash(YAML) } }),
  ],
  [
    "another constitution's release",
    "pack.wrong_name",
    released({ name: "windows", version: 9 }, { highest: { name: "doors", version: 7 } }),
  ],
  ["tomorrow's release", "pack.not_yet", released({ notBefore: "2026-11-23T00:00:00Z" })],
  [
    "a release a millisecond early",
    "pack.not_yet",
    released({}, { nowMs: Date.parse("2026-11-01T00:00:00Z") - 1 }),
  ],
  [
    "last year's release",
    "pack.expired",
    released({ notBefore: "2025-01-01T00:00:00Z", expires: "2026-01-01T00:00:00Z" }),
  ],
  [
    "a release that ends now",
    "pack.expired",
    released({}, { nowMs: Date.parse("2027-05-01T00:00:00Z") }),
  ],
  [
    "a release by pack.json that has ended",
    "pack.expired",
    {
      ...beside(packJsonMembers(KEY, { yaml: RELEASED }), RELEASED),
      circumstances: { nowMs: Date.parse("2028-01-01T00:00:00Z") },
    },
  ],
  [
    "a release that replaces another pack",
    "pack.wrong_prev",
    released({ prev: packHash(RELEASED) }, { active: { blake3: packHash(YAML) } }),
  ],
];

const TRUST_ROWS: readonly Row[] = [
  ["no keys", "pack.bad_trust", { ...beside(GOOD), trust: { ...ONE, keys: [] } }],
  [
    "seventeen keys",
    "pack.bad_trust",
    { ...beside(GOOD), trust: { ...ONE, keys: SEVENTEEN.map((key) => key.publicKey) } },
  ],
  ["a threshold of nobody", "pack.bad_trust", enclosed(ENVELOPE, { ...TWO, threshold: 0 })],
  [
    "a threshold of one and a half",
    "pack.bad_trust",
    enclosed(ENVELOPE, { ...TWO, threshold: 1.5 }),
  ],
  ["more signatures than keys", "pack.bad_trust", enclosed(ENVELOPE, { ...TWO, threshold: 3 })],
  [
    "one key listed twice for two",
    "pack.bad_trust",
    enclosed(ENVELOPE, { ...TWO, keys: [KEY.publicKey, createPublicKey(KEY.publicPem)] }),
  ],
  [
    "two signatures on a pack.json",
    "pack.bad_trust",
    { ...beside(GOOD), trust: { ...TWO, form: "pack_json" } },
  ],
  [
    "a key that everybody signs for",
    "pack.weak_key",
    {
      ...changed({ signature: FOR_EVERYTHING.toString("base64") }),
      trust: { ...ONE, keys: [NEUTRAL_KEY] },
    },
  ],
  [
    "a key of another kind",
    "pack.wrong_key_type",
    { ...beside(GOOD), trust: { ...ONE, keys: [generateKeyPairSync("ed448").publicKey] } },
  ],
  [
    "a private key",
    "pack.private_key",
    { ...beside(GOOD), trust: { ...ONE, keys: [KEY.privateKey] } },
  ],
];

const ALL = [...PACK_JSON_ROWS, ...ENVELOPE_ROWS, ...RELEASE_ROWS, ...TRUST_ROWS];

function signatureOfAnswer(): string {
  const blake3 = packHash(YAML);
  const parts = { requestId: "r", status: 200, blake3, bodyDigest: `blake3:${blake3}` } as const;
  return signResponse({ ...parts, key: KEY.privateKey }).split(";sig=")[1] as string;
}

function outcome({ source, trust, circumstances }: Attempt): unknown {
  return codeOf(() => admit(source, trust, circumstances));
}

describe("a pack that was not tampered with is taken", () => {
  test.each<readonly [string, Attempt, string]>([
    ["by pack.json", beside(GOOD), "doors 7"],
    ["by the words of another time", changed({ created_at: "2026-11-22T12:00:00Z" }), "doors 7"],
    [
      "by pack.json with a release",
      {
        ...beside(packJsonMembers(KEY, { version: "7.1", yaml: RELEASED }), RELEASED),
        circumstances: { highest: { name: "doors", version: 6 } },
      },
      "doors 7.1",
    ],
    ["by an envelope", enclosed(ENVELOPE), "doors 7"],
    [
      "by an envelope with its YAML beside it",
      { source: { signature: bytesOf(ENVELOPE), yaml: RELEASED }, trust: TWO },
      "doors 7",
    ],
    [
      "with a stranger's signature more",
      enclosed(envelopeMembers([STRANGER, OTHER, KEY])),
      "doors 7",
    ],
    [
      "with a keyid of somebody else",
      enclosed({
        ...ENVELOPE,
        signatures: ENVELOPE.signatures.map((each) => ({ ...each, keyid: "x" })),
      }),
      "doors 7",
    ],
    [
      "the same again",
      released(
        {},
        { highest: { name: "doors", version: 7 }, active: { blake3: packHash(RELEASED) } },
      ),
      "doors 7",
    ],
    [
      "the same after a roll back",
      released(
        {},
        {
          highest: { name: "doors", version: 7, blake3: packHash(RELEASED) },
          active: { blake3: packHash(YAML) },
        },
      ),
      "doors 7",
    ],
    [
      "in the place of the pack it names",
      released({ prev: packHash(YAML) }, { active: { blake3: packHash(YAML) } }),
      "doors 7",
    ],
    ["with nothing before it to name", released({ prev: packHash(YAML) }), "doors 7"],
    [
      "again, though it names the one before it",
      released(
        { prev: packHash(YAML) },
        { active: { blake3: packHash(yamlOf({ prev: packHash(YAML) })) } },
      ),
      "doors 7",
    ],
    ["at the first moment", released({}, { nowMs: Date.parse("2026-11-01T00:00:00Z") }), "doors 7"],
    ["at the last", released({}, { nowMs: Date.parse("2027-05-01T00:00:00Z") - 1 }), "doors 7"],
  ])("%s", (_how, attempt, name) => {
    const taken = outcome(attempt);
    expect(taken).toMatchObject({ id: name.split(" ")[0], version: name.split(" ")[1] });
    expect(taken).toHaveProperty("blake3", expect.stringMatching(/^[0-9a-f]{64}$/));
  });
});

describe("a pack.json that is refused", () => {
  test.each(PACK_JSON_ROWS)("%s: %s", (_what, code, attempt) =>
    expect(outcome(attempt)).toBe(code),
  );
});

describe("an envelope that is refused", () => {
  test.each(ENVELOPE_ROWS)("%s: %s", (_what, code, attempt) => expect(outcome(attempt)).toBe(code));
});

describe("a release that is refused", () => {
  test.each(RELEASE_ROWS)("%s: %s", (_what, code, attempt) => expect(outcome(attempt)).toBe(code));
});

describe("a trust that is refused", () => {
  test.each(TRUST_ROWS)("%s: %s", (_what, code, attempt) => expect(outcome(attempt)).toBe(code));
});

test("the table is as long, and tells as much apart, as it was", () => {
  expect(ALL.length).toBeGreaterThanOrEqual(110);
  expect(new Set(ALL.map(([, code]) => code)).size).toBeGreaterThanOrEqual(33);
});

test("the neutral key is refused because Node 22 takes one signature for every text under it", () => {
  // Later engines look at the key themselves.
  const isTaken = Number(process.versions.node.split(".")[0]) < 24;
  const verifies = (bytes: Uint8Array): boolean => {
    try {
      return verify(null, bytes, NEUTRAL_KEY, FOR_EVERYTHING);
    } catch {
      return false;
    }
  };
  expect([verifies(YAML), verifies(RELEASED)]).toEqual([isTaken, isTaken]);
});

test("a refusal says what it is about, and quotes nothing of what it refuses", () => {
  for (const [, , attempt] of ALL) {
    let message = "";
    try {
      admit(attempt.source, attempt.trust, attempt.circumstances);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.length).toBeGreaterThan(20);
    expect(message).not.toContain(SIGNATURE.toString("base64"));
    expect(message).not.toMatch(/[^\n\P{Cc}]/u);
  }
});
