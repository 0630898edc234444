/**
 * The checks on a token whose signature is good: is it an access token, from then until when, and for us (RFC 7519
 * section 4.1, RFC 8725, RFC 9068 section 4). A claim of the wrong type is refused, never read as absent.
 */
import { Refused } from "./refused.ts";
import type { TokenHeader } from "./compact-token.ts";

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimRules {
  readonly audience: ReadonlySet<string>;
  readonly clockSkewMs: number;
  readonly maxLifetimeMs: number;
  /** Accepted `typ` values in lower case; "absent" stands for a token without one. */
  readonly types: ReadonlySet<string>;
  /** Claims that must be present; undefined means those the token's type requires. */
  readonly requiredClaims: readonly string[] | undefined;
}

/** RFC 9068 section 2.2. `client_id` is not here: the mapping to a caller insists on it, under whatever name. */
const REQUIRED_BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  "at+jwt": ["sub", "iat", "jti"],
};
const REQUIRED = ["sub"];
/** No real token names more; a longer list only costs time to search. */
const MAX_AUDIENCES = 64;

/** Claims that only ID tokens have (OpenID Connect Core sections 2 and 3.3.2.11) or security events (RFC 8417). */
const FOREIGN_CLAIMS = ["nonce", "at_hash", "c_hash", "s_hash", "events"];
/** How Keycloak (`typ`) and Cognito (`token_use`) say in a claim what the header should have said. */
const FOREIGN_MARKS: Readonly<Record<string, ReadonlySet<unknown>>> = {
  typ: new Set(["ID", "Refresh", "Offline", "Logout"]),
  token_use: new Set(["id"]),
};

const invalid = (cause: string) => new Refused("identity.token_invalid", cause);

/** Refuses a token of another kind: an ID token or a refresh token must not work as an access token. */
export function findWrongType(header: TokenHeader, rules: ClaimRules): Refused | undefined {
  return rules.types.has(header.type ?? "absent")
    ? undefined
    : invalid("typ is not accepted for this issuer");
}

/** Milliseconds since the epoch until which the token is valid, clock skew included; or why it is not. */
export function checkClaims(
  claims: Claims,
  { header, rules, nowMs }: { header: TokenHeader; rules: ClaimRules; nowMs: number },
): number | Refused {
  const foreign = findForeignKind(claims);
  if (foreign) return foreign;
  const required = rules.requiredClaims ?? REQUIRED_BY_TYPE[header.type ?? ""] ?? REQUIRED;
  for (const name of required) {
    const value = claims[name];
    if (!Object.hasOwn(claims, name) || value === null || value === "")
      return invalid(`claim ${name} is missing`);
  }
  return (
    checkTimes(claims, rules, nowMs) ?? checkAudience(claims, rules) ?? validUntil(claims, rules)
  );
}

function findForeignKind(claims: Claims): Refused | undefined {
  for (const name of FOREIGN_CLAIMS) {
    if (Object.hasOwn(claims, name)) return invalid(`claim ${name}: not an access token`);
  }
  for (const [name, marks] of Object.entries(FOREIGN_MARKS)) {
    if (Object.hasOwn(claims, name) && marks.has(claims[name]))
      return invalid(`claim ${name}: not an access token`);
  }
  return undefined;
}

function checkTimes(claims: Claims, rules: ClaimRules, nowMs: number): Refused | undefined {
  const { exp, iat, nbf } = claims;
  // RFC 7519 allows fractions; no issuer sends them, and a NumericDate that is not a safe integer is an attack.
  if (!isDate(exp)) return invalid("exp is missing or not a whole number of seconds");
  if (nbf !== undefined && !isDate(nbf)) return invalid("nbf is not a whole number of seconds");
  if (iat !== undefined && !isDate(iat)) return invalid("iat is not a whole number of seconds");
  const { clockSkewMs: skewMs } = rules;
  if (exp * 1000 + skewMs <= nowMs) return new Refused("identity.token_expired", "exp has passed");
  if (nbf !== undefined && nbf * 1000 - skewMs > nowMs)
    return new Refused("identity.token_not_yet_valid", "nbf is in the future");
  if (iat !== undefined && iat * 1000 - skewMs > nowMs)
    return new Refused("identity.token_not_yet_valid", "iat is in the future");
  // Without iat the clock stands in: what is left of its life must fit just the same.
  const bornMs = iat === undefined ? nowMs + skewMs : iat * 1000;
  return exp * 1000 - bornMs > rules.maxLifetimeMs
    ? invalid("lives longer than maxLifetime")
    : undefined;
}

function checkAudience({ aud }: Claims, { audience }: ClaimRules): Refused | undefined {
  const mismatch = new Refused("identity.audience_mismatch", "aud names none of ours");
  if (typeof aud === "string") return audience.has(aud) ? undefined : mismatch;
  if (aud === undefined) return mismatch;
  if (!Array.isArray(aud) || aud.length > MAX_AUDIENCES || !aud.every(isText))
    return invalid("aud is not a text or a short list of texts");
  return aud.some((name) => audience.has(name)) ? undefined : mismatch;
}

function validUntil(claims: Claims, rules: ClaimRules): number {
  return (claims["exp"] as number) * 1000 + rules.clockSkewMs;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isDate = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 8.64e12;
