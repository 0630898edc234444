/**
 * What an operator may say about one token issuer. Semantic mistakes are refused here, with a position in the file; no
 * secret stands in it and nothing is fetched.
 */
import { z } from "zod";
import { fileRef, secretRef } from "../../config/secrets/reference.ts";
import { durationBetween } from "../../config/units.ts";
import { ALGORITHM_NAMES, isSymmetric } from "./algorithms.ts";
import { isDangerousParameter } from "./compact-token.ts";
import { DEFAULT_FETCH_TIMEOUT_MS } from "./guarded-fetch.ts";
import { isHttpUrl } from "./key-loader.ts";

/** Clocks of servers that keep time differ by less. Raised, expired tokens work that much longer. */
const DEFAULT_CLOCK_SKEW_MS = 30_000;
/** A day. Access tokens live minutes to hours; raised, a stolen or wrongly issued one is of use for longer. */
const DEFAULT_MAX_LIFETIME_MS = 86_400_000;
/** A rotated or withdrawn key is noticed within five minutes. Raised, a stolen signing key works that much longer. */
const DEFAULT_REFRESH_MS = 300_000;
/** Unknown key names may not fetch more often. Lowered, strangers can make us flood the key server. */
const DEFAULT_COOLDOWN_MS = 5_000;
/** A day without the key server. Raised, keys it has withdrawn meanwhile are trusted for longer. */
const DEFAULT_STALE_LIMIT_MS = 86_400_000;

const text = z.string().min(1).max(2048);

const url = text.refine((value) => isHttpUrl(value), {
  error: "not an absolute https URL without user and password",
  params: { hint: 'for example "https://idp.example.bank/jwks"' },
});

const claimNames = (...names: string[]) => z.array(text).min(1).max(8).default(names);
const noClaimNames = z.array(text).max(8).default([]);

/**
 * The fields besides `Authorization` in which proxies hand on a token. A closed list: each is one that the listener lets
 * through, that nothing else reads, and that no upstream ever sees.
 */
export const TOKEN_FIELDS = [
  "cf-access-jwt-assertion",
  "x-goog-iap-jwt-assertion",
  "x-auth-request-access-token",
  "x-access-token",
  "x-auth-token",
] as const;

/** A word that reaches records and policy. */
const word = z
  .string()
  .max(256)
  .regex(/^[^\p{C}\s]+$/u, { error: "not a word of printable characters" });

const claims = z
  .strictObject({
    tenant: claimNames("tenant_id", "tenant").describe("Claims that name the tenant."),
    scopes: claimNames("scope", "scp").describe("Claims with scopes: text with spaces, or a list."),
    permissions: claimNames("permissions").describe("Claims with permissions."),
    groups: claimNames("groups").describe("Claims with groups."),
    roles: claimNames("roles").describe("Claims with roles."),
    tier: claimNames("tier").describe("Claims that name the limits tier."),
    caller: claimNames("client_id", "azp").describe(
      "Claims that name the calling application; a token without any of them is refused.",
    ),
    authMethod: noClaimNames.describe(
      "Claims that say how the person proved who they are, such as `amr`: text, or a list whose first entry counts.",
    ),
    rpId: noClaimNames.describe("Claims that name the WebAuthn relying party."),
  })
  .describe(
    'Which claims mean what; of each list the first that is present counts. A name that starts with "/" is a JSON pointer, such as "/realm_access/roles".',
  );

const refresh = z
  .strictObject({
    every: durationBetween("1s", "24h")
      .default(DEFAULT_REFRESH_MS)
      .describe("How often the keys are fetched in the background, give or take ten per cent."),
    cooldown: durationBetween("1s", "1h")
      .default(DEFAULT_COOLDOWN_MS)
      .describe("Least time between fetches that tokens with an unknown `kid` may cause."),
    staleIfError: durationBetween("0s", "7d")
      .default(DEFAULT_STALE_LIMIT_MS)
      .describe("How long the last good keys are used while no new ones can be had; then 503."),
    timeout: durationBetween("100ms", "30s")
      .default(DEFAULT_FETCH_TIMEOUT_MS)
      .describe("Longest time for one fetched document, from name resolution to the last byte."),
  })
  .describe("The life of fetched keys. `Cache-Control` of the key server is not heeded.");

export const issuerConfig = z
  .strictObject({
    issuer: text.describe("Must equal the token's `iss` character by character."),
    audience: z
      .array(text)
      .min(1)
      .max(64)
      .describe("What the gateway is called in `aud`; a token must name at least one of them."),
    algorithms: z
      .array(z.enum(ALGORITHM_NAMES))
      .min(1)
      .describe(
        "The only signature algorithms accepted from this issuer. HS256 to HS512 go with `secret` alone.",
      ),
    discovery: url
      .optional()
      .describe(
        "Address of the discovery document. Default: /.well-known/openid-configuration under the issuer.",
      ),
    jwksUrl: url.optional().describe("Address of the key set, instead of discovery."),
    jwks: fileRef.optional().describe("File with the key set (JWKS), instead of fetching it."),
    secret: secretRef
      .optional()
      .describe(
        "Shared secret for HS256 to HS512, at least as long as the hash: 32, 48 or 64 bytes.",
      ),
    ca: fileRef
      .optional()
      .describe(
        "PEM file of the only authorities to trust when fetching keys. Default: the system's.",
      ),
    clockSkew: durationBetween("0s", "5m")
      .default(DEFAULT_CLOCK_SKEW_MS)
      .describe("How far the issuer's clock may differ; applies to `exp`, `nbf` and `iat`."),
    maxLifetime: durationBetween("1s", "366d")
      .default(DEFAULT_MAX_LIFETIME_MS)
      .describe("Longest accepted time from `iat` to `exp`."),
    typ: z
      .array(z.enum(["at+jwt", "JWT", "absent"]))
      .min(1)
      .default(["at+jwt"])
      .describe(
        "Accepted token types. The default takes RFC 9068 access tokens only. Keycloak, Auth0, Entra ID and Cognito send `JWT` unless told otherwise: allow it knowing that ID tokens carry it too, and make sure that their audience differs. `absent` is a token without `typ`.",
      ),
    requiredClaims: z
      .array(text)
      .max(32)
      .optional()
      .describe(
        "Claims that must be present beside `iss`, `aud`, `exp` and `sub`. Default: `iat` and `jti` for at+jwt, none for others.",
      ),
    headerParameters: z
      .array(text)
      .max(8)
      .default([])
      .describe(
        "Further parameters this issuer adds to the token header, to be ignored; others are refused.",
      ),
    claims: claims.prefault({}),
    header: z
      .enum(TOKEN_FIELDS)
      .optional()
      .describe(
        "Header in which this issuer's tokens come, without a scheme, and in no other. Default: `Authorization: Bearer`.",
      ),
    headerFrom: z
      .enum(["edge", "anyone"])
      .optional()
      .describe(
        "Whose `header` counts: that of the peers listed in `constitution.edge` (the default), or anyone's, as the token proves itself. From others the header is not read at all.",
      ),
    authMethod: word
      .optional()
      .describe(
        "`auth.method` of everyone with a token of this issuer, where its tokens do not say it, such as access-passkey.",
      ),
    rpId: word.optional().describe("`auth.rp_id` of everyone with a token of this issuer."),
    legacy: z
      .boolean()
      .default(false)
      .describe(
        "Its tokens are accepted for old clients only: a constitution sees them as `legacy_jwt`.",
      ),
    refresh: refresh.prefault({}),
    singleUse: z
      .boolean()
      .default(false)
      .describe("Accept each token (`jti`) only once. Remembered by this process alone."),
    allowPrivateNetwork: z
      .boolean()
      .default(false)
      .describe("The key server is in a private network, or in production on this machine."),
    allowInsecure: z
      .boolean()
      .default(false)
      .describe("Fetch keys over plain HTTP, not only from this machine. Never in production."),
  })
  .superRefine(refineIssuer);

export type IssuerConfig = z.output<typeof issuerConfig>;

type IssuerDraft = Pick<
  IssuerConfig,
  | "issuer"
  | "algorithms"
  | "discovery"
  | "jwksUrl"
  | "jwks"
  | "secret"
  | "ca"
  | "headerParameters"
  | "header"
  | "headerFrom"
  | "authMethod"
  | "rpId"
  | "claims"
>;

const SOURCES = ["discovery", "jwksUrl", "jwks", "secret"] as const;

function refineIssuer(issuer: IssuerDraft, context: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string, hint?: string) =>
    context.addIssue({ code: "custom", path, message, params: { hint } });
  const named = SOURCES.filter((source) => issuer[source] !== undefined);
  for (const source of named.slice(1))
    refuse([source], `the keys cannot come from ${named.join(" and ")}`, "keep one of them");
  // RFC 8725 section 3.1: a public key must never be taken for a shared secret, so the two never meet in one issuer.
  for (const [index, algorithm] of issuer.algorithms.entries()) {
    if (isSymmetric(algorithm) === (issuer.secret !== undefined)) continue;
    const hint = isSymmetric(algorithm)
      ? "HS256 to HS512 need `secret`"
      : "`secret` is for HS256 to HS512";
    refuse(["algorithms", index], `${algorithm} does not fit the source of the keys`, hint);
  }
  if (named.length === 0 && !isIssuerUrl(issuer.issuer))
    refuse(
      ["issuer"],
      "not a URL without query and fragment, so its keys cannot be discovered",
      "give jwksUrl, jwks or secret",
    );
  if (issuer.ca !== undefined && (issuer.jwks !== undefined || issuer.secret !== undefined))
    refuse(["ca"], "nothing is fetched for this issuer");
  for (const [index, name] of issuer.headerParameters.entries())
    if (isDangerousParameter(name))
      refuse(["headerParameters", index], `${name} is never accepted in a token header`);
  if (issuer.headerFrom !== undefined && issuer.header === undefined)
    refuse(["headerFrom"], "no header is named", "add header, or remove headerFrom");
  for (const field of ["authMethod", "rpId"] as const)
    if (issuer[field] !== undefined && issuer.claims[field].length > 0)
      refuse([field], `${field} is said here and by claims`, "keep one of the two");
}

/** OpenID Connect Discovery section 3: a URL with no query or fragment. */
function isIssuerUrl(issuer: string): boolean {
  return isHttpUrl(issuer) && !issuer.includes("?") && !issuer.includes("#");
}
