/**
 * What a pack is told of a request: facts as fields (the table in docs/pack-format.md). What the gateway proved goes
 * before what an edge says; what neither knows is absent, never empty and never assumed.
 */
import { packContext, SLOTS, type FieldValue, type PackContext } from "../../packs/fields.ts";
import type { AuthenticatedIdentity, Governed, Identity, Limited } from "../../pipeline/facts.ts";
import type {
  Peer,
  PeerCertificate,
  RequestContext,
  Route,
} from "../../pipeline/request-context.ts";
import type { EdgeFacts } from "./edge-facts.ts";
import { commonNameOf } from "./issuer-name.ts";
import { seenOf } from "./seen-fields.ts";
import type { Told } from "./told.ts";

/** One request as the pack sees it. */
export interface Sight {
  readonly fields: PackContext;
  /** Break-glass by this gateway, or by an edge that may. */
  readonly isPanic: boolean;
  /** What a share of the callers is drawn by, and the groups it may name. */
  readonly key: string;
  readonly groups: ReadonlySet<string> | undefined;
  /** Fields that stand nowhere else in the record. */
  readonly seen: Governed["seen"];
}

type Fields = (FieldValue | undefined)[];

/** Makes the sights of one route: what the route alone says is filled in once. */
export function sightsOf(route: Route): (context: RequestContext, told: Told) => Sight {
  const blank = packContext({
    "context.req.model": route.model,
    "context.req.version": route.version,
  });
  return (context, told) => {
    const { request, facts } = context;
    const { edge, webhook } = told;
    const isPanic = told.isPanic || edge?.isPanic === true;
    const caller = callerOf(facts.identity, edge);
    const fields: Fields = blank.slice();
    setTransport(fields, context, edge);
    setCaller(fields, facts.identity, caller);
    fields[SLOTS["context.req.path"]] = request.url.path;
    fields[SLOTS["context.req.method"]] = request.method;
    fields[SLOTS["context.rate.ok"]] = isWithinLimits(facts.limits);
    // Where a partner is configured the gateway looks for itself: no edge vouches for a delivery that came unsigned.
    fields[SLOTS["context.webhook.verified"]] =
      webhook === undefined ? edge?.webhookVerified : isVerified(webhook);
    fields[SLOTS["context.origin"]] = request.headers.get("origin") || undefined;
    fields[SLOTS["system.panic_mode"]] = isPanic;
    const key = keyOf(facts.identity, caller);
    return { fields, isPanic, key, groups: caller.groups, seen: seenOf(context, told, fields) };
  };
}

/** Without a signature there is nothing to judge. */
const isVerified = (webhook: NonNullable<Told["webhook"]>): boolean | undefined =>
  webhook === "unsigned" ? undefined : webhook === "verified";

/**
 * Undefined when nothing judged: the limits failed, and the operator lets requests pass then. A tier that is stated to
 * be unlimited was judged; so was a request that limits in shadow would refuse, which for that reason is no refusal.
 */
const isWithinLimits = (limited: Limited | undefined): boolean | undefined =>
  limited && limited.refusal === undefined;

/** By the name Node gives it; any other version is absent. */
export const TLS_VERSIONS: ReadonlyMap<string, number> = new Map([
  ["TLSv1", 1],
  ["TLSv1.1", 1.1],
  ["TLSv1.2", 1.2],
  ["TLSv1.3", 1.3],
]);

/** From a listed edge the connection is the edge's own: of the caller's it says what the edge says, or nothing. */
function setTransport(
  fields: Fields,
  { peer, request }: RequestContext,
  edge: EdgeFacts | undefined,
): void {
  if (edge) {
    fields[SLOTS["context.transport.tls_version"]] = edge.tlsVersion;
    fields[SLOTS["context.mtls.verified"]] = edge.mtlsVerified;
    fields[SLOTS["context.mtls.issuer"]] = edge.mtlsIssuer;
    return;
  }
  const { tls, certificate } = peer;
  if (tls === undefined) return;
  const isMutual = isStillVerified(peer, request.receivedAtMs);
  fields[SLOTS["context.transport.tls_version"]] = TLS_VERSIONS.get(tls.version);
  fields[SLOTS["context.mtls.verified"]] = isMutual;
  // What issued a certificate that did not verify, anyone may have written into it.
  if (certificate && isMutual) fields[SLOTS["context.mtls.issuer"]] = issuerOf(certificate);
}

/** A connection may outlive the certificate that opened it. */
const isStillVerified = ({ certificate }: Peer, atMs: number): boolean =>
  certificate !== undefined && certificate.verified && atMs < certificate.expiresAtMs;

/** The listener keeps one object for all requests of a connection. */
const ISSUERS = new WeakMap<PeerCertificate, { readonly name: string | undefined }>();

function issuerOf(certificate: PeerCertificate): string | undefined {
  const known = ISSUERS.get(certificate);
  if (known) return known.name;
  const name = commonNameOf(certificate.issuer);
  ISSUERS.set(certificate, { name });
  return name;
}

/** The person, as opposed to the program that calls for them. */
interface Caller {
  readonly method: string | undefined;
  readonly rpId: string | undefined;
  readonly user: string | undefined;
  readonly groups: ReadonlySet<string> | undefined;
  /** Whether it is the edge that says so. */
  readonly isTold: boolean;
}

/**
 * One party says all of it: the user of one and the groups of another would be nobody. An edge that calls with its own
 * certificate alone has proved who it is, not whom it calls for.
 */
function callerOf(identity: Identity | undefined, edge: EdgeFacts | undefined): Caller {
  if (isProved(identity) && !(edge && identity.method === "mtls"))
    return {
      method: identity.authMethod || identity.method,
      rpId: identity.rpId,
      user: identity.subject,
      groups: identity.groups,
      isTold: false,
    };
  const isTold = edge?.userId !== undefined;
  const isAnonymous = identity?.method === "anonymous" && !isTold;
  return {
    method: isAnonymous ? "anonymous" : edge?.authMethod,
    rpId: edge?.rpId,
    user: edge?.userId,
    groups: edge?.groups,
    isTold,
  };
}

const isProved = (identity: Identity | undefined): identity is AuthenticatedIdentity =>
  identity !== undefined && identity.method !== "anonymous";

function setCaller(fields: Fields, identity: Identity | undefined, caller: Caller): void {
  fields[SLOTS["context.auth.method"]] = caller.method;
  fields[SLOTS["context.auth.rp_id"]] = caller.rpId || undefined;
  fields[SLOTS["context.user.id"]] = caller.user || undefined;
  fields[SLOTS["context.user.groups"]] = caller.groups;
  if (!isProved(identity)) return;
  const { tenant, caller: program, scopes, isLegacy = false, expiresAtMs } = identity;
  fields[SLOTS["context.tenant"]] = tenant || undefined;
  fields[SLOTS["context.client_id"]] = program || undefined;
  fields[SLOTS["context.scopes"]] = scopes;
  fields[SLOTS["context.legacy_jwt.valid"]] = isLegacy;
  if (isLegacy && expiresAtMs !== undefined)
    fields[SLOTS["context.legacy_jwt.expires_at"]] = expiresAtMs / 1_000;
}

/** Empty for whoever is nobody: in no share. */
function keyOf(identity: Identity | undefined, { isTold, user }: Caller): string {
  if (isTold) return `edge:${user}`;
  return isProved(identity) ? identity.key : "";
}
