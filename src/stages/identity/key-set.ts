/**
 * An issuer's public keys, taken from a JWK set (RFC 7517) that we do not trust to be well made. A key that is weak,
 * secret or not for signatures is left out; a set in which one name means two keys is refused whole.
 */
import { KeyObject, type webcrypto } from "node:crypto";
import { importJWK, type JWK } from "jose";
import { ALGORITHMS, type Algorithm } from "./algorithms.ts";
import { decodeBase64url } from "./base64url.ts";
import { quote } from "./refused.ts";
import { asObject, parseStrictJson } from "../../config/strict-json.ts";
import { findRsaWeakness } from "./weak-rsa.ts";

/** More keys than any issuer needs for rotation; each costs an import, so a hostile set could hold the process up. */
const DEFAULT_KEY_LIMIT = 100;

export interface VerificationKey {
  readonly keyId: string | undefined;
  /** What it may verify: its own `alg`, or what fits its type, and in either case only what the issuer is pinned to. */
  readonly algorithms: ReadonlySet<Algorithm>;
  readonly key: KeyObject;
}

export interface KeySet {
  /**
   * The key of that name. A token without `kid` gets a key only when the set holds a single one that has no name
   * either: guessing among keys would let a retired key's holder choose which it is checked against.
   */
  find(keyId: string | undefined): VerificationKey | undefined;
  readonly size: number;
  /** Keys left out and why, for the operator. */
  readonly refused: readonly string[];
}

/** The set cannot be used; the message is for the operator. */
class KeySetRefused extends Error {
  override readonly name = "KeySetRefused";
}

type Members = Readonly<Record<string, unknown>>;

/** Members of private or secret keys (RFC 7518 section 6). Whoever publishes one has lost the key. */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/** Reads a JWK set. Throws `KeySetRefused` when no key is left, or one name stands for two keys. */
export async function importKeySet(bytes: Buffer, pinned: readonly Algorithm[]): Promise<KeySet> {
  const keys: VerificationKey[] = [];
  const refused: string[] = [];
  const names = new Set<string>();
  for (const [index, jwk] of readMembers(bytes).entries()) {
    const label = typeof jwk["kid"] === "string" ? `key ${quote(jwk["kid"])}` : `key ${index}`;
    if (jwk["use"] === "enc") continue;
    requireNewName(jwk["kid"], names);
    const imported = await importKey(jwk, pinned);
    if (typeof imported === "string") refused.push(`${label}: ${imported}`);
    else keys.push(imported);
  }
  if (keys.length === 0)
    throw new KeySetRefused(`no usable key in the set${refused.map((why) => `; ${why}`).join("")}`);
  return keySetOf(keys, refused);
}

/** A set of one symmetric key that answers to any `kid`: the issuer and we share no other. */
export function symmetricKeySet(key: KeyObject, pinned: readonly Algorithm[]): KeySet {
  const only: VerificationKey = { keyId: undefined, algorithms: new Set(pinned), key };
  return { find: () => only, size: 1, refused: [] };
}

/** RFC 7518 section 3.2: "A key of the same size as the hash output ... or larger MUST be used". */
export function digestBits(algorithm: Algorithm): number {
  return Number(ALGORITHMS[algorithm].digest?.slice(3) ?? 0);
}

function keySetOf(keys: readonly VerificationKey[], refused: readonly string[]): KeySet {
  const named = new Map(keys.flatMap((key) => (key.keyId === undefined ? [] : [[key.keyId, key]])));
  const nameless = keys.length === 1 && keys[0]?.keyId === undefined ? keys[0] : undefined;
  return {
    find: (keyId) => (keyId === undefined ? nameless : named.get(keyId)),
    size: keys.length,
    refused,
  };
}

function readMembers(bytes: Buffer): readonly Members[] {
  const parsed = parseStrictJson(bytes);
  if ("refused" in parsed) throw new KeySetRefused(`the key set is ${parsed.refused}`);
  const keys = asObject(parsed.value)?.["keys"];
  if (!Array.isArray(keys)) throw new KeySetRefused('the key set has no array "keys"');
  if (keys.length > DEFAULT_KEY_LIMIT)
    throw new KeySetRefused(`more than ${DEFAULT_KEY_LIMIT} keys in the set`);
  return keys.map((key: unknown) => {
    const members = asObject(key);
    if (!members) throw new KeySetRefused("a key in the set is not an object");
    return members;
  });
}

function requireNewName(name: unknown, names: Set<string>): void {
  if (name === undefined) return;
  if (typeof name !== "string") throw new KeySetRefused("a kid is not a text");
  if (names.has(name)) throw new KeySetRefused(`two keys are named ${quote(name)}`);
  names.add(name);
}

/** The key, or why it is left out. */
async function importKey(
  jwk: Members,
  pinned: readonly Algorithm[],
): Promise<VerificationKey | string> {
  const { kty, crv, use, alg, key_ops: operations, kid } = jwk;
  if (kty === "oct" || PRIVATE_MEMBERS.some((member) => jwk[member] !== undefined))
    return "secret or private key material in a public set";
  if (use !== undefined && use !== "sig") return "not for signatures";
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify")))
    return "key_ops does not allow verify";
  const algorithms = pinned.filter((algorithm) => {
    const traits = ALGORITHMS[algorithm];
    if (alg !== undefined && alg !== algorithm) return false;
    return traits.kty === kty && (traits.crv === undefined || traits.crv === crv);
  });
  const [first] = algorithms;
  if (first === undefined) return "fits none of the issuer's algorithms";
  const material = publicMaterial(jwk);
  if (!material) return "members missing or not canonical base64url";
  let key: KeyObject;
  try {
    // jose hands each key to WebCrypto, which checks lengths and that a point lies on its curve.
    key = KeyObject.from((await importJWK(material as JWK, first)) as webcrypto.CryptoKey);
  } catch {
    return "not a valid key of its type";
  }
  const weakness =
    kty === "RSA"
      ? findRsaWeakness(key, decodeBase64url(material["n"] as string) as Buffer)
      : undefined;
  if (weakness !== undefined) return weakness;
  return { keyId: kid as string | undefined, algorithms: new Set(algorithms), key };
}

const MATERIAL: Readonly<Record<string, readonly string[]>> = {
  EC: ["x", "y"],
  RSA: ["n", "e"],
  OKP: ["x"],
};

/** The members that make up the public key and nothing else, each in canonical base64url. */
function publicMaterial(jwk: Members): Members | undefined {
  const names = MATERIAL[jwk["kty"] as string] ?? [];
  const material: Record<string, unknown> = { kty: jwk["kty"] };
  if (jwk["crv"] !== undefined) material["crv"] = jwk["crv"];
  for (const name of names) {
    const text = jwk[name];
    if (typeof text !== "string" || text === "" || !decodeBase64url(text)) return undefined;
    material[name] = text;
  }
  return material;
}
