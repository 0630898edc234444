/** One configured issuer, ready to judge tokens that name it. Its decisions rest on nothing but its own configuration. */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import { isSignatureValid, type Algorithm } from "./algorithms.ts";
import { checkClaims, findWrongType, type ClaimRules, type Claims } from "./claims.ts";
import type { ClaimMapping } from "./claim-mapping.ts";
import { findForeignParameter, type CompactToken } from "./compact-token.ts";
import type { VerificationKey } from "./key-set.ts";
import type { KeySource } from "./key-source.ts";
import { asObject } from "../../config/strict-json.ts";
import { quote, Refused } from "./refused.ts";
import type { ReplayMemory } from "./replay-memory.ts";

export interface Issuer {
  readonly name: string;
  /** Compared with `iss` character by character. */
  readonly identifier: string;
  /** The only header field in which its tokens come: `authorization`, or one of its own. */
  readonly field: string;
  readonly algorithms: ReadonlySet<Algorithm>;
  readonly headerParameters: ReadonlySet<string>;
  readonly rules: ClaimRules;
  readonly mapping: ClaimMapping;
  readonly keys: KeySource;
  /** Equal for two configurations of this issuer exactly when their keys come from the same place. */
  readonly keySourceId: string;
  /** Present when each token may be used only once. */
  readonly replays: ReplayMemory | undefined;
}

/** A token that holds in every respect but the certificate it may be bound to. */
export interface SoundToken {
  readonly identity: AuthenticatedIdentity;
  readonly validUntilMs: number;
  readonly boundTo: string | undefined;
}

const invalid = (cause: string) => new Refused("identity.token_invalid", cause);

/** What can be refused before a key is looked at: algorithm, type and header of another issuer. */
export function findUnfitHeader(issuer: Issuer, { header }: CompactToken): Refused | undefined {
  if (!issuer.algorithms.has(header.algorithm as Algorithm))
    return invalid(`algorithm ${quote(header.algorithm)} is not accepted for this issuer`);
  return (
    findForeignParameter(header, issuer.headerParameters) ?? findWrongType(header, issuer.rules)
  );
}

export interface Presented {
  readonly token: CompactToken;
  readonly claims: Claims;
  readonly key: VerificationKey;
  readonly nowMs: number;
}

/** The signature first: what a forged token says about itself is not worth an answer. */
export function verifyToken(issuer: Issuer, presented: Presented): SoundToken | Refused {
  const { token, claims, key, nowMs } = presented;
  const algorithm = token.header.algorithm as Algorithm;
  if (!key.algorithms.has(algorithm))
    return invalid(`the key is not for ${quote(token.header.algorithm)}`);
  if (!isSignatureValid(algorithm, key.key, token)) return invalid("the signature does not match");
  const validUntilMs = checkClaims(claims, { header: token.header, rules: issuer.rules, nowMs });
  if (validUntilMs instanceof Refused) return validUntilMs;
  const boundTo = readBinding(claims);
  if (boundTo instanceof Refused) return boundTo;
  const expiresAtMs = (claims["exp"] as number) * 1000;
  const identity = issuer.mapping.toIdentity(claims, expiresAtMs);
  if (identity instanceof Refused) return identity;
  const { replays } = issuer;
  if (replays) {
    if (identity.credentialId === undefined) return invalid("claim jti is missing");
    if (!replays.isFirstUse(identity.credentialId, { nowMs, untilMs: validUntilMs }))
      return invalid("the token was used before");
  }
  return { identity, validUntilMs, boundTo };
}

/**
 * The certificate a token is bound to (RFC 8705 section 3.1). A token bound in any other way (RFC 9449 `jkt`) must not
 * pass as a plain bearer token: whoever stole it could use it.
 */
function readBinding(claims: Claims): string | undefined | Refused {
  if (claims["cnf"] === undefined) return undefined;
  const confirmation = asObject(claims["cnf"]) ?? {};
  const thumbprint = confirmation["x5t#S256"];
  if (typeof thumbprint === "string" && Object.keys(confirmation).length === 1) return thumbprint;
  return invalid("bound to its sender in a way that cannot be checked here");
}
