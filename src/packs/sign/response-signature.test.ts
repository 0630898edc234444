import { createHash, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { keyId } from "./keys.ts";
import { packHash } from "./pack-hash.ts";
import { signResponse, verifyResponse, type BodyDigest } from "./response-signature.ts";
import { codeOf, newKey } from "./signed-packs.test-support.ts";

const KEY = newKey();
const OTHER = newKey();
const BODY = Buffer.from('{"churn":0.93}');
const SHA256: BodyDigest = `sha256:${createHash("sha256").update(BODY).digest("hex")}`;
const BLAKE3: BodyDigest = `blake3:${packHash(BODY)}`;
const PACK = packHash(Buffer.from("a pack"));
const ANSWER = { requestId: "4f1c.A-b_9", status: 200, blake3: PACK };
const KID = keyId(KEY.publicKey).slice(0, 16);

const signed = (bodyDigest: BodyDigest): string =>
  signResponse({ ...ANSWER, bodyDigest, key: KEY.privateKey });
const GOOD = signed(SHA256);
const check = (change: Partial<Parameters<typeof verifyResponse>[0]> = {}): string =>
  verifyResponse({ ...ANSWER, signature: GOOD, body: BODY, keys: [KEY.publicKey], ...change });

test("signs the text that is documented", () => {
  const [version, kid, algorithm, digest, signature = ""] = GOOD.split(";");
  expect([version, kid, algorithm, digest]).toEqual([
    "v1",
    `kid=${KID}`,
    "alg=ed25519",
    "digest=sha256",
  ]);
  const text = `portcullis-response-v1\nrequest-id=4f1c.A-b_9\nstatus=200\npack=${PACK}\nbody=${SHA256}\n`;
  const bytes = Buffer.from(signature.slice("sig=".length), "base64");
  expect(verify(null, Buffer.from(text), KEY.publicKey, bytes)).toBe(true);
});

test("fits into a header field", () => {
  expect(GOOD).toMatch(/^[\x21-\x7E]{1,200}$/);
});

describe("is good", () => {
  test.each([
    ["with SHA-256", {}],
    ["with BLAKE3", { signature: signed(BLAKE3) }],
    ["among other keys", { keys: [OTHER.publicKey, KEY.publicKey] }],
  ])("%s", (_how, change) => expect(check(change)).toBe(KID));

  test("without a body", () => {
    const signature = signed(`blake3:${packHash(new Uint8Array())}`);
    expect(check({ signature, body: new Uint8Array() })).toBe(KID);
  });
});

describe("is refused", () => {
  test.each([
    ["another request id", "pack.bad_response_signature", { requestId: "4f1c.A-b_8" }],
    ["another status", "pack.bad_response_signature", { status: 403 }],
    ["another pack", "pack.bad_response_signature", { blake3: packHash(BODY) }],
    ["another body", "pack.bad_response_signature", { body: Buffer.from("{}") }],
    [
      "another digest than was signed",
      "pack.bad_response_signature",
      { signature: GOOD.replace("sha256", "blake3") },
    ],
    ["a stranger's key", "pack.unknown_response_key", { keys: [OTHER.publicKey] }],
    ["no key", "pack.unknown_response_key", { keys: [] }],
    [
      "a stranger's signature under our name",
      "pack.bad_response_signature",
      {
        signature: signResponse({
          ...ANSWER,
          bodyDigest: SHA256,
          key: OTHER.privateKey,
        }).replace(/kid=\w+/, `kid=${KID}`),
      },
    ],
    ["nothing", "pack.bad_response_header", { signature: "" }],
    ["half of it", "pack.bad_response_header", { signature: GOOD.slice(0, 60) }],
    ["something behind it", "pack.bad_response_header", { signature: `${GOOD};x=1` }],
    ["a line behind it", "pack.bad_response_header", { signature: `${GOOD}\n` }],
    ["another version", "pack.bad_response_header", { signature: GOOD.replace("v1", "v2") }],
    [
      "no algorithm at all",
      "pack.bad_response_header",
      { signature: GOOD.replace("ed25519", "none") },
    ],
    [
      "loose bits",
      "pack.bad_response_header",
      { signature: GOOD.replace(/.==$/, (end) => (end === "B==" ? "C==" : "B==")) },
    ],
  ])("%s: %s", (_what, code, change) => expect(codeOf(() => check(change))).toBe(code));
});

describe("never signs what could be read in two ways", () => {
  test.each([
    ["a line in the request id", { requestId: "a\nstatus=200" }],
    ["a space in the request id", { requestId: "a b" }],
    ["no request id", { requestId: "" }],
    ["no status", { status: Number.NaN }],
    ["half a status", { status: 200.5 }],
    ["a pack that is no hash", { blake3: "doors" }],
    ["a digest in capitals", { bodyDigest: SHA256.toUpperCase() as BodyDigest }],
    ["another digest", { bodyDigest: `md5:${"0".repeat(64)}` as BodyDigest }],
  ])("%s", (_what, change) => {
    const answer = { ...ANSWER, bodyDigest: SHA256, key: KEY.privateKey, ...change };
    expect(() => signResponse(answer)).toThrow(RangeError);
  });
});
