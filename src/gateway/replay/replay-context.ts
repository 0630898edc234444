/**
 * A recorded request as stages will see it again. What the ledger does not hold is empty, never made up: header fields
 * but the content type, the path as sent, its parameters, the query, the body.
 */
import type { Identity } from "../../pipeline/facts.ts";
import type {
  CallerRequest,
  CanonicalUrl,
  Peer,
  PeerCertificate,
  RequestHeaders,
  TraceContext,
} from "../../pipeline/request-context.ts";
import type { RecordedDecision } from "./replay-record.ts";

const NO_SPAN = "0000000000000000";

/** A certificate that verified; nothing else of it is on record. */
const VERIFIED: PeerCertificate = Object.freeze({
  verified: true,
  subject: "",
  issuer: "",
  serial: "",
  subjectAltNames: [],
  thumbprintSha256: "",
  chain: [],
  expiresAtMs: Number.POSITIVE_INFINITY,
});

class RecordedHeaders implements RequestHeaders {
  readonly fields: readonly string[];

  constructor(contentType: string | undefined) {
    this.fields = contentType === undefined ? [] : ["content-type", contentType];
  }

  get(name: string): string | undefined {
    return name === "content-type" ? this.fields[1] : undefined;
  }
}

/** The head of a recorded request, as far as it is on record. */
export class RecordedRequest implements CallerRequest {
  readonly requestId: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly receivedAtMs: number;
  readonly startedAtMs = 0;
  readonly listener: string;
  readonly httpVersion: "1.0" | "1.1" | "2";
  readonly peer: Peer;
  readonly callerAddress: string;
  readonly isSecure: boolean;
  readonly method: string;
  readonly authority = "";
  readonly url: CanonicalUrl;
  readonly headers: RequestHeaders;
  readonly contentLength: number | undefined;

  constructor({ facts, ...record }: RecordedDecision) {
    this.requestId = record.requestId;
    this.correlationId = record.requestId;
    this.trace = { traceId: record.traceId, spanId: NO_SPAN, isSampled: false };
    this.receivedAtMs = Date.parse(record.ts);
    this.listener = facts.listener;
    this.httpVersion = facts.http === "2" || facts.http === "1.0" ? facts.http : "1.1";
    this.peer = {
      address: facts.address,
      port: 0,
      ...(facts.tls !== undefined && { tls: { version: facts.tls, cipher: "" } }),
      ...(facts.isMutual && { certificate: VERIFIED }),
    };
    this.callerAddress = facts.address;
    this.isSecure = facts.isSecure;
    this.method = record.method;
    // The template stands for the path: parameters may be personal, and are not recorded.
    this.url = { path: record.path, query: "", target: record.path };
    this.headers = new RecordedHeaders(facts.contentType);
    this.contentLength = facts.contentLength;
  }
}

/** `subjects: hashed` writes this for a name; which name it was is not for the record to tell. */
const HASHED = /^h:[0-9a-f]{32}$/;

/** Whether the record holds a hash in the place of its caller's name. */
export const isCallerHashed = ({ who }: RecordedDecision): boolean =>
  who.caller !== undefined && HASHED.test(who.caller);

/** The identity on record; undefined when nobody had proved one. */
export function recordedIdentity({ who, facts }: RecordedDecision): Identity | undefined {
  if (who.method === "none") return undefined;
  if (who.method === "anonymous")
    return { method: "anonymous", key: who.key ?? `anonymous:${facts.address}` };
  return {
    method: who.method,
    key: who.key ?? "",
    caller: who.caller ?? "",
    subject: who.subject ?? "",
    tenant: who.tenant,
    issuer: who.issuer,
    credentialId: who.credential,
    scopes: new Set(facts.scopes),
    permissions: new Set(facts.permissions),
    groups: new Set(facts.groups),
    roles: new Set(facts.roles),
    tier: facts.tier,
    expiresAtMs: undefined,
  };
}
