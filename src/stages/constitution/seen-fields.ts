/**
 * What a pack saw that stands nowhere else in the record, so that it can be decided again. It must never hold the path,
 * which may name people; that route and template are on record is for the rest.
 */
import { SLOTS, type FieldName, type PackContext } from "../../packs/fields.ts";
import type { Governed, Identity } from "../../pipeline/facts.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { Told } from "./told.ts";

type Seen = Governed["seen"];
type Writable = Record<string, Seen[string]>;

/**
 * Longest text that is written. Raised, a caller with long claims, or a long `Origin`, fills the record faster. What is
 * longer is written as the empty text, which no field can be: it was there, and is not on record.
 */
const TEXT_LIMIT_CHARS = 256;

/** What an edge says of the way a request came to it, and of whom it calls for. */
const OF_EDGE_HOP = ["transport.tls_version", "mtls.verified", "mtls.issuer"];
const OF_EDGE_USER = ["auth.method", "auth.rp_id", "user.id", "user.groups"];

/** The same object for the same things seen, which is most requests: whoever writes it down need do so only once. */
export function seenOf(context: RequestContext, told: Told, fields: PackContext): Seen {
  const { identity, limits } = context.facts;
  const isPlain =
    told.edge === undefined &&
    told.webhook === undefined &&
    fields[SLOTS["context.origin"]] === undefined &&
    limits?.refusal === undefined &&
    isAsRecorded(context, fields);
  if (!isPlain) return gather(context, told, fields);
  const before = seenBefore(identity);
  if (limits) return (before.withinLimits ??= gather(context, told, fields));
  return (before.unjudged ??= gather(context, told, fields));
}

/** Whether the record's word on the certificate is what the pack saw; it is not once the certificate has expired. */
const isAsRecorded = ({ peer }: RequestContext, fields: PackContext): boolean =>
  peer.certificate === undefined ||
  peer.certificate.verified === fields[SLOTS["context.mtls.verified"]];

/** What was seen of one identity, by whether limits were judged. */
interface SeenBefore {
  withinLimits?: Seen;
  unjudged?: Seen;
}

/** Of all identities that say nothing beyond what is recorded of everyone. */
const OF_MOST: SeenBefore = {};
const OF_OTHERS = new WeakMap<Identity, SeenBefore>();

function seenBefore(identity: Identity | undefined): SeenBefore {
  if (identity === undefined || identity.method === "anonymous") return OF_MOST;
  const { authMethod, rpId, isLegacy } = identity;
  if (authMethod === undefined && rpId === undefined && !isLegacy) return OF_MOST;
  const known = OF_OTHERS.get(identity);
  if (known) return known;
  const fresh: SeenBefore = {};
  OF_OTHERS.set(identity, fresh);
  return fresh;
}

function gather(context: RequestContext, { edge, webhook }: Told, fields: PackContext): Seen {
  const seen: Writable = {};
  const { identity, limits } = context.facts;
  const add = (name: string): void => {
    const value = fields[SLOTS[`context.${name}` as FieldName]];
    if (typeof value === "string") seen[name] = value.length > TEXT_LIMIT_CHARS ? "" : value;
    else if (typeof value === "object") seen[name] = [...value];
    else if (value !== undefined) seen[name] = value;
  };
  const isProved = identity !== undefined && identity.method !== "anonymous";
  if (edge) {
    seen["edge"] = true;
    if (edge.decision !== undefined) seen["edge.decision"] = edge.decision;
    if (edge.pack !== undefined) seen["edge.pack"] = edge.pack;
    OF_EDGE_HOP.forEach(add);
    if (!isProved || identity.method === "mtls") OF_EDGE_USER.forEach(add);
  } else if (!isAsRecorded(context, fields)) add("mtls.verified");
  if (isProved) {
    if (identity.authMethod !== undefined) add("auth.method");
    add("auth.rp_id");
    if (identity.isLegacy) ["legacy_jwt.valid", "legacy_jwt.expires_at"].forEach(add);
  }
  add("rate.ok");
  if (limits?.refusal) seen["rate.code"] = limits.refusal.code;
  add("webhook.verified");
  if (webhook === "unsigned") seen["webhook.signed"] = false;
  add("origin");
  return Object.freeze(seen);
}
