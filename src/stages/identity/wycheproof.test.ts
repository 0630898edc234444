/** C2SP Wycheproof's JWS, JWK and Ed25519 vectors: nothing invalid is ever accepted, and what is valid is, with reasons. */
import { createSecretKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ALGORITHM_NAMES, isSignatureValid, isSymmetric, type Algorithm } from "./algorithms.ts";
import { readCompactToken } from "./compact-token.ts";
import { digestBits, importKeySet, symmetricKeySet, type KeySet } from "./key-set.ts";
import { Refused } from "./refused.ts";

const CORPUS = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora", "wycheproof");
const isAbsent = !existsSync(CORPUS);
if (isAbsent) console.warn(`SKIPPED: the Wycheproof vectors are not at ${CORPUS}`);

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly jws: string;
  readonly result: "valid" | "invalid" | "acceptable";
}
type Jwk = Readonly<Record<string, unknown>>;
interface Group {
  readonly public?: Jwk;
  readonly private: Jwk;
  readonly tests: readonly Vector[];
}

const ASYMMETRIC = ALGORITHM_NAMES.filter((algorithm) => !isSymmetric(algorithm));
const PRIVATE = new Set(["d", "p", "q", "dp", "dq", "qi", "oth"]);

interface Exception {
  readonly isAccepted: boolean;
  readonly why: string;
}
const refused = (why: string): Exception => ({ isAccepted: false, why });
const accepted = (why: string): Exception => ({ isAccepted: true, why });

/** Signature vectors for which a gateway is right to do otherwise than the file says. */
const EXCEPTIONS = new Map<number, Exception>([
  [264, refused("an empty payload holds no claims")],
  [272, refused("an empty payload holds no claims")],
  [346, refused("the key says PS256, the token PS384")],
  [347, refused("the key's alg is ES521, which does not exist")],
  [350, refused("the key says PS256, the token PS384")],
  [351, refused("the key's alg is ES521, which does not exist")],
  [367, accepted("nothing is wrong with its bytes: the whole file has them again as valid, 357")],
  [370, accepted("nothing is wrong with its bytes: the whole file has them again as valid, 357")],
]);
const NO_EXCEPTIONS = new Map<number, Exception>();

function groupsOf(file: string): readonly Group[] {
  const text = readFileSync(resolve(CORPUS, file), "utf8");
  return (JSON.parse(text) as { testGroups: Group[] }).testGroups;
}

/** The keys as the gateway would have them: a configured secret, or a published set without private members. */
async function keySetOf({ public: published, private: owned }: Group): Promise<KeySet | undefined> {
  const all = (published ?? owned)["keys"] ?? [published ?? owned];
  const keys = all as readonly Jwk[];
  const [only] = keys;
  if (keys.length === 1 && only?.["kty"] === "oct") {
    const secret = Buffer.from(only["k"] as string, "base64url");
    const algorithm = only["alg"] as Algorithm;
    // A secret that is too short is refused when the gateway starts.
    if (secret.length * 8 < digestBits(algorithm)) return undefined;
    const set = symmetricKeySet(createSecretKey(secret), [algorithm]);
    return { ...set, find: (keyId) => (keyId === only["kid"] ? set.find(keyId) : undefined) };
  }
  const stripped = keys.map((key) =>
    Object.fromEntries(Object.entries(key).filter(([name]) => !PRIVATE.has(name))),
  );
  return importKeySet(Buffer.from(JSON.stringify({ keys: stripped })), ASYMMETRIC).catch(
    () => undefined,
  );
}

function isAccepted(jws: string, keys: KeySet | undefined): boolean {
  const token = readCompactToken(jws);
  if (token instanceof Refused || token.header.extra.length > 0) return false;
  const key = keys?.find(token.header.keyId);
  const algorithm = token.header.algorithm as Algorithm;
  return (key?.algorithms.has(algorithm) ?? false) && key !== undefined
    ? isSignatureValid(algorithm, key.key, token)
    : false;
}

describe.skipIf(isAbsent)("Wycheproof", () => {
  test.each([
    ["json_web_signature_test.json", 191, EXCEPTIONS],
    ["json_web_key_test.json", 12, NO_EXCEPTIONS],
  ])("%s: at least %i vectors end as they should", async (file, floor, exceptions) => {
    let agreed = 0;
    for (const group of groupsOf(file)) {
      const keys = await keySetOf(group);
      for (const { tcId, comment, jws, result } of group.tests) {
        const expected = exceptions.get(tcId)?.isAccepted ?? result === "valid";
        const actual = isAccepted(jws, keys);
        expect({ tcId, comment, accepted: actual }).toEqual({ tcId, comment, accepted: expected });
        agreed++;
      }
    }
    expect(agreed).toBeGreaterThanOrEqual(floor);
  });

  test("ed25519_test.json: at least 81 vectors end as they should", async () => {
    let agreed = 0;
    interface EdGroup {
      readonly publicKeyJwk: Jwk;
      readonly tests: readonly { tcId: number; msg: string; sig: string; result: string }[];
    }
    for (const group of groupsOf("ed25519_test.json") as unknown as readonly EdGroup[]) {
      const keys = await importKeySet(Buffer.from(JSON.stringify({ keys: [group.publicKeyJwk] })), [
        "EdDSA",
      ]);
      const { key } = keys.find("none") ?? expect.fail("no key");
      for (const { tcId, msg, sig, result } of group.tests) {
        const signingInput = Buffer.from(msg, "hex").toString("latin1");
        const signature = Buffer.from(sig, "hex");
        const isValid = isSignatureValid("EdDSA", key, { signingInput, signature });
        expect({ tcId, isValid }).toEqual({ tcId, isValid: result === "valid" });
        agreed++;
      }
    }
    expect(agreed).toBeGreaterThanOrEqual(81);
  });
});
