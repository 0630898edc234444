/**
 * What an operator may say about who calls: issuers of tokens, API keys, caller certificates. With nothing configured
 * nobody can prove who they are, and every route that requires it answers 401.
 */
import { z } from "zod";
import type { Peer } from "../../pipeline/request-context.ts";
import { durationBetween, name } from "../../config/units.ts";
import { DEFAULT_CACHE_ENTRIES, DEFAULT_CACHE_LIFETIME_MS } from "./token-cache.ts";
import { DEFAULT_KEY_LIFETIME_MS, DEFAULT_ROTATION_GRACE_MS } from "../../stores/keys/key-store.ts";
import { issuerConfig } from "./issuer-config.ts";

const text = z.string().min(1).max(256);
const list = z.array(text).max(256).default([]);

const apiKeys = z.strictObject({
  lifetime: durationBetween("1m", "3650d")
    .default(DEFAULT_KEY_LIFETIME_MS)
    .describe("How long a new key lives when the command does not say."),
  rotationGrace: durationBetween("0s", "30d")
    .default(DEFAULT_ROTATION_GRACE_MS)
    .describe("How long the old secret still works after a rotation."),
});

const certificateCaller = z
  .strictObject({
    san: z
      .string()
      .regex(/^(?:DNS|URI|IP Address|email):.+$/, {
        error: "not a subject alternative name with its kind",
      })
      .meta({ examples: ["URI:spiffe://example.bank/core-banking", "DNS:batch.example.bank"] })
      .describe("Subject alternative name, with its kind; must equal one of the certificate's."),
    caller: text.describe("The caller it stands for."),
    tenant: text.optional().describe("The caller's tenant."),
    scopes: list.describe("Scopes of this caller."),
    permissions: list.describe("Permissions of this caller."),
    groups: list.describe("Groups of this caller."),
    roles: list.describe("Roles of this caller."),
    tier: text.optional().describe("The caller's limits tier."),
  })
  .describe("A caller that proves itself by its certificate alone.");

export type CertificateCaller = z.output<typeof certificateCaller>;

const tokenCache = z.strictObject({
  entries: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(DEFAULT_CACHE_ENTRIES)
    .describe("How many verified tokens are remembered; about 2 KB each. 0 verifies every time."),
  lifetime: durationBetween("1s", "60s")
    .default(DEFAULT_CACHE_LIFETIME_MS)
    .describe("When a remembered token is verified again at the latest."),
});

export const identityConfig = z
  .strictObject({
    issuers: z
      .record(name, issuerConfig)
      .default({})
      .describe("Issuers of access tokens (JWT), by a name that stands in records."),
    apiKeys: apiKeys
      .optional()
      .describe(
        "Accept API keys, in `X-API-Key` or `Authorization`. Left out: no key is accepted.",
      ),
    certificates: z
      .array(certificateCaller)
      .max(10_000)
      .default([])
      .describe("Callers that prove themselves by a certificate which the listener has verified."),
    tokenCache: tokenCache.prefault({}).describe("Memory of verified tokens."),
    realm: z
      .string()
      .regex(/^[A-Za-z0-9 ._-]{1,64}$/, { error: "letters, digits, space, dot, _ and - only" })
      .default("portcullis")
      .describe("The realm named in `WWW-Authenticate`."),
  })
  .superRefine((config, context) => {
    refuseRepeats(config, context);
  });

export type IdentitySection = z.output<typeof identityConfig>;

/** On one route: `required` (the default), or `none` for callers that need not prove anything. */
export const routeIdentity = z
  .enum(["required", "none"])
  .default("required")
  .describe("Whether callers must prove who they are. `none` ignores credentials altogether.");

export type RouteIdentity = z.output<typeof routeIdentity>;

/** The section, and each route's setting by route id; a route that is not in the map requires identity. */
export interface IdentityConfig extends IdentitySection {
  readonly routes: ReadonlyMap<string, RouteIdentity>;
  /** Who is listed as an edge; issuers whose tokens come from there cannot be prepared without. */
  readonly edge?: Edges | undefined;
}

interface Edges {
  /** `atMs`: wall clock. */
  has(peer: Peer, atMs: number): boolean;
}

/** Something that is fine on a developer's machine only. */
export interface UnsafeSetting {
  /** Path below the identity section. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What of this section must not be in production; each is a start-up error there. */
export function findUnsafeSettings(config: IdentitySection): readonly UnsafeSetting[] {
  const found: UnsafeSetting[] = [];
  const hasMethod =
    Object.keys(config.issuers).length + config.certificates.length > 0 || config.apiKeys;
  if (!hasMethod)
    found.push({ path: [], message: "nobody can prove who they are: configure a method" });
  for (const [issuerName, issuer] of Object.entries(config.issuers)) {
    const path = ["issuers", issuerName];
    if (issuer.allowInsecure)
      found.push({ path: [...path, "allowInsecure"], message: "keys over plain HTTP" });
    const isFetched = issuer.secret === undefined && issuer.jwks === undefined;
    const address = issuer.jwksUrl ?? issuer.discovery ?? issuer.issuer;
    if (isFetched && !address.toLowerCase().startsWith("https:"))
      found.push({ path, message: "keys are fetched over plain HTTP" });
  }
  return found;
}

function refuseRepeats(
  config: Pick<IdentitySection, "issuers" | "certificates">,
  context: z.RefinementCtx,
): void {
  const refuse = (path: (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  const issuers = new Map<string, string>();
  for (const [issuerName, { issuer }] of Object.entries(config.issuers)) {
    const first = issuers.get(issuer);
    if (first === undefined) issuers.set(issuer, issuerName);
    else refuse(["issuers", issuerName, "issuer"], `the same issuer as "${first}"`);
  }
  const senders = new Map<string, string>();
  for (const [issuerName, { header, headerFrom = "edge" }] of Object.entries(config.issuers)) {
    if (header === undefined) continue;
    const first = senders.get(header) ?? headerFrom;
    senders.set(header, first);
    // One field is either read or not, before anyone has looked whose token stands in it.
    if (first !== headerFrom)
      refuse(["issuers", issuerName, "headerFrom"], `${header} counts from "${first}" already`);
  }
  const sans = new Set<string>();
  for (const [index, { san }] of config.certificates.entries()) {
    if (sans.has(san))
      refuse(["certificates", index, "san"], "this name stands for a caller already");
    sans.add(san);
  }
}
