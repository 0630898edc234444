/**
 * The signature of an answer, `X-Policy-Sign`: that this gateway gave this answer to this request under this pack. It
 * must never be taken for the signature of a pack: what is signed begins with a line of its own.
 *
 * The field: `v1;kid=<16 hexadecimal digits>;alg=ed25519;digest=<sha256|blake3>;sig=<base64>`, where `kid` is the
 * beginning of the key's `keyId`. Signed is the UTF-8 text, each line with its LF:
 *
 *     portcullis-response-v1
 *     request-id=<X-Request-Id>
 *     status=<status>
 *     pack=<blake3>
 *     body=<sha256|blake3>:<64 hexadecimal digits>
 */
import { hash, sign, verify, type KeyObject } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { keyId } from "./keys.ts";
import { isPackHash, packHash } from "./pack-hash.ts";
import { refusal } from "./refusal.ts";

/** `sha256:` or `blake3:` and 64 lower-case hexadecimal digits. */
export type BodyDigest = `${DigestName}:${string}`;

type DigestName = "sha256" | "blake3";

export interface SignedResponse {
  readonly requestId: string;
  readonly status: number;
  /** Of the pack that decided. */
  readonly blake3: string;
  /** Of the body as it is sent; of no bytes where there is none. */
  readonly bodyDigest: BodyDigest;
}

const CONTEXT = "portcullis-response-v1";
const KID_DIGITS = 16;
const FIELD =
  /^v1;kid=([0-9a-f]{16});alg=ed25519;digest=(sha256|blake3);sig=([A-Za-z0-9+/]{86}==)$/;
/** Visible ASCII: a line break in an id would let it say what the status is. */
const REQUEST_ID = /^[\x21-\x7E]{1,256}$/;
const BODY_DIGEST = /^(?:sha256|blake3):[0-9a-f]{64}$/;

const LOWEST_STATUS = 100;
const HIGHEST_STATUS = 599;

/** A gateway has one key, and signs each answer with it. */
const knownKids = new WeakMap<KeyObject, string>();

/** The value of X-Policy-Sign. The key must be no key that signs packs: it lives where the gateway runs. */
export function signResponse(response: SignedResponse & { readonly key: KeyObject }): string {
  const { key, bodyDigest } = response;
  const signature = sign(null, signedText(response), key).toString("base64");
  const digest = bodyDigest.slice(0, bodyDigest.indexOf(":"));
  return `v1;kid=${kidOf(key)};alg=ed25519;digest=${digest};sig=${signature}`;
}

/**
 * Returns the `kid` of the key that signed. Throws a PackRefused: `pack.bad_response_header`,
 * `pack.unknown_response_key`, `pack.bad_response_signature`.
 */
export function verifyResponse(
  response: Omit<SignedResponse, "bodyDigest"> & {
    /** The value of X-Policy-Sign. */
    readonly signature: string;
    readonly body: Uint8Array;
    /** Public keys of the gateway. */
    readonly keys: readonly KeyObject[];
  },
): string {
  const [, kid = "", digest, base64 = ""] = FIELD.exec(response.signature) ?? [];
  const signature = decodeBase64(base64);
  if (digest === undefined || signature === undefined) {
    throw refusal("pack.bad_response_header", "this is not the value of an X-Policy-Sign field");
  }
  const key = response.keys.find((each) => kidOf(each) === kid);
  if (key === undefined) {
    throw refusal("pack.unknown_response_key", `the answer was signed with another key, ${kid}`);
  }
  const bodyDigest = digestOf(digest as DigestName, response.body);
  if (!verify(null, signedText({ ...response, bodyDigest }), key, signature)) {
    throw refusal(
      "pack.bad_response_signature",
      "the signature is not of this request id, status, pack and body",
    );
  }
  return kid;
}

function digestOf(name: DigestName, body: Uint8Array): BodyDigest {
  return `${name}:${name === "sha256" ? hash("sha256", body, "hex") : packHash(body)}`;
}

function signedText({ requestId, status, blake3, bodyDigest }: SignedResponse): Buffer {
  const isStatus = Number.isInteger(status) && status >= LOWEST_STATUS && status <= HIGHEST_STATUS;
  const isSound = REQUEST_ID.test(requestId) && isPackHash(blake3) && BODY_DIGEST.test(bodyDigest);
  if (!isStatus || !isSound) {
    throw new RangeError(
      "signed are a request id without spaces, a status of three digits, and two digests of 64 lower-case digits",
    );
  }
  return Buffer.from(
    `${CONTEXT}\nrequest-id=${requestId}\nstatus=${status}\npack=${blake3}\nbody=${bodyDigest}\n`,
    "utf8",
  );
}

function kidOf(key: KeyObject): string {
  const known = knownKids.get(key);
  if (known !== undefined) return known;
  const kid = keyId(key).slice(0, KID_DIGITS);
  knownKids.set(key, kid);
  return kid;
}
