/** What the stages knew of a request, as the member `facts` of a ledger line: enough to decide again. */
import type { AuthenticatedIdentity, Identity } from "../../pipeline/facts.ts";
import type { Peer, RequestContext } from "../../pipeline/request-context.ts";
import { lastRead, readAddress } from "../../config/ip-text.ts";
import { escapeJsonText, nameText } from "../../telemetry/json-text.ts";
import { policyText, type HideName } from "./facts-text-policy.ts";
import { inspectedText } from "../../telemetry/inspected-text.ts";
import { suspicionText } from "../../telemetry/suspicion-text.ts";

/** How much of a caller's address is written: all of it, its network (/24 or /48), or nothing. */
export type AddressDetail = "full" | "truncated" | "none";

/** How names and addresses are written. */
export interface FactsDetail {
  readonly addresses: AddressDetail;
  readonly hideName: HideName;
}

export function factsText(context: RequestContext, { addresses, hideName }: FactsDetail): string {
  const { request, peer, facts } = context;
  let text = `"facts":{"listener":"${nameText(request.listener)}","http":"${request.httpVersion}","secure":${request.isSecure}`;
  if (peer.tls !== undefined) text += peerText(peer);
  const address = addressText(request.callerAddress, addresses);
  if (address !== "") text += `,"address":"${address}"`;
  const type = request.headers.get("content-type");
  if (type !== undefined) text += `,"content_type":"${mediaType(type)}"`;
  if (request.contentLength !== undefined) text += `,"content_length":${request.contentLength}`;
  const marks = facts.sources?.marks;
  if (marks !== undefined) text += `,"marks":["${marks.join('","')}"]`;
  if (facts.identity !== undefined) text += rightsText(facts.identity);
  const standing = facts["kill-switch"];
  if (standing !== undefined) text += `,"standing":"${standing.status}"`;
  if (standing?.routedTo !== undefined)
    text += `,"routed_to":"${escapeJsonText(standing.routedTo.version)}"`;
  const grant = facts.authorization?.grant;
  if (grant !== undefined) text += `,"grant":"${escapeJsonText(grant)}"`;
  if (facts.constitution !== undefined) text += policyText(facts.constitution, hideName);
  if (facts.waf !== undefined) text += `,"waf":${inspectedText(facts.waf)}`;
  if (facts.extraction !== undefined) text += `,"extraction":${suspicionText(facts.extraction)}`;
  return `${text}}`;
}

/** The types that callers of models send. Any other text is theirs to choose, and could be anything. */
const MEDIA_TYPES: ReadonlySet<string> = new Set([
  "application/json",
  "application/x-ndjson",
  "application/octet-stream",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "text/plain",
]);

function mediaType(field: string): string {
  const end = field.indexOf(";");
  const type = (end < 0 ? field : field.slice(0, end).trim()).toLowerCase();
  return MEDIA_TYPES.has(type) ? type : "other";
}

const PEERS = new WeakMap<Peer, string>();

function peerText(peer: Peer): string {
  const known = PEERS.get(peer);
  if (known !== undefined) return known;
  let text = `,"tls":"${nameText(peer.tls?.version ?? "")}"`;
  if (peer.certificate !== undefined) {
    const { verified, subject, issuer, thumbprintSha256 } = peer.certificate;
    text += `,"mtls":{"verified":${verified},"subject":"${nameText(subject)}","issuer":"${nameText(issuer)}","x5t#S256":"${thumbprintSha256}"}`;
  }
  PEERS.set(peer, text);
  return text;
}

const RIGHTS = new WeakMap<Identity, string>();

function rightsText(identity: Identity): string {
  if (identity.method === "anonymous") return "";
  const known = RIGHTS.get(identity);
  if (known !== undefined) return known;
  const text = textOfRights(identity);
  RIGHTS.set(identity, text);
  return text;
}

/** Rights are names that issuers and operators give (`secrets:read` is one), not secrets: replaying needs them exact. */
function textOfRights({ scopes, permissions, groups, roles, tier }: AuthenticatedIdentity): string {
  const list = (name: string, values: ReadonlySet<string>): string =>
    values.size === 0
      ? ""
      : `,"${name}":[${[...values].map((value) => `"${escapeJsonText(value)}"`).join()}]`;
  return [
    list("scopes", scopes),
    list("permissions", permissions),
    list("groups", groups),
    list("roles", roles),
    tier === undefined ? "" : `,"tier":"${escapeJsonText(tier)}"`,
  ].join("");
}

function addressText(address: string, detail: AddressDetail): string {
  if (detail === "none") return "";
  if (detail === "full") return nameText(address);
  switch (readAddress(address)) {
    case 4:
      return `${address.slice(0, address.lastIndexOf("."))}.0/24`;
    case 6: {
      const high = lastRead[0] ?? 0;
      const third = (lastRead[1] ?? 0) >>> 16;
      return `${(high >>> 16).toString(16)}:${(high & 0xffff).toString(16)}:${third.toString(16)}::/48`;
    }
    case 0:
      return "";
  }
}
