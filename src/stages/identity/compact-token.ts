/**
 * A JWS in compact form (RFC 7515 section 7.1) taken apart before any key is looked at. Whatever could be read in two
 * ways, or asks the verifier to do something the issuer's configuration does not say, is refused here.
 */
import { decodeBase64url } from "./base64url.ts";
import { quote, Refused } from "./refused.ts";
import { asObject, parseStrictJson } from "../../config/strict-json.ts";

/**
 * 16 KB of token: five times the largest real ones. It must be hashed and parsed before anyone has proved anything, so
 * raising it hands every stranger that much of our time.
 */
export const DEFAULT_TOKEN_LIMIT_BYTES = 16_384;
const MAX_KEY_ID_LENGTH = 256;

/** Parameters that carry or fetch a key, or change what is signed: never honoured, so never allowed to stand there. */
const DANGEROUS = new Set(["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "epk", "cty"]);
const KNOWN = new Set(["alg", "typ", "kid", "x5t", "x5t#S256"]);

export interface TokenHeader {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** `typ` in lower case without "application/" (RFC 7515 section 4.1.9); undefined when absent. */
  readonly type: string | undefined;
  /** Names of parameters beyond the usual ones; harmless only if the issuer's configuration lists them. */
  readonly extra: readonly string[];
}

export interface CompactToken {
  readonly header: TokenHeader;
  /** The bytes that are signed: header and payload segments with the dot between, all ASCII. */
  readonly signingInput: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

const malformed = (cause: string) => new Refused("identity.token_malformed", cause);

export function readCompactToken(token: string): CompactToken | Refused {
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  // Exactly three segments: five would be a JWE (RFC 7516), whose PBES2 and zip headers are attacks of their own.
  if (first < 1 || second < 0 || token.includes(".", second + 1))
    return malformed("not three segments");
  const headerBytes = decodeBase64url(token.slice(0, first));
  const payload = decodeBase64url(token.slice(first + 1, second));
  const signature = decodeBase64url(token.slice(second + 1));
  if (!headerBytes || !payload || !signature)
    return malformed("a segment is not canonical base64url");
  if (payload.length === 0 || signature.length === 0) return malformed("an empty segment");
  const header = readHeader(headerBytes);
  if (header instanceof Refused) return header;
  return { header, signingInput: token.slice(0, second), payload, signature };
}

/** The claims set (RFC 7519 section 4): a JSON object and nothing else. */
export function readClaims(payload: Buffer): Readonly<Record<string, unknown>> | Refused {
  const parsed = parseStrictJson(payload);
  if ("refused" in parsed) return malformed(`claims: ${parsed.refused}`);
  return asObject(parsed.value) ?? malformed("claims are not an object");
}

function readHeader(bytes: Buffer): TokenHeader | Refused {
  const parsed = parseStrictJson(bytes);
  if ("refused" in parsed) return malformed(`header: ${parsed.refused}`);
  const members = asObject(parsed.value);
  if (!members) return malformed("header is not an object");
  const extra: string[] = [];
  for (const name of Object.keys(members)) {
    if (DANGEROUS.has(name)) return malformed(`header parameter ${name} is never accepted`);
    if (!KNOWN.has(name)) extra.push(name);
  }
  const { alg, kid, typ } = members;
  if (typeof alg !== "string") return malformed("no alg");
  if (kid !== undefined && !isKeyId(kid)) return malformed("kid is not a short text");
  if (typ !== undefined && typeof typ !== "string") return malformed("typ is not a text");
  return { algorithm: alg, keyId: kid, type: typ && mediaType(typ), extra };
}

/** Why a header's further parameters cannot be accepted, given those the issuer is known to add. */
export function findForeignParameter(
  header: TokenHeader,
  allowed: ReadonlySet<string>,
): Refused | undefined {
  const foreign = header.extra.find((name) => !allowed.has(name));
  return foreign === undefined
    ? undefined
    : malformed(`header parameter ${quote(foreign)} is not expected from this issuer`);
}

/** Names that configuration may not declare harmless. */
export function isDangerousParameter(name: string): boolean {
  return DANGEROUS.has(name);
}

const isKeyId = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_KEY_ID_LENGTH;

function mediaType(typ: string): string {
  const lower = typ.toLowerCase();
  return lower.startsWith("application/") ? lower.slice(12) : lower;
}
