/**
 * The header section sent upstream: what the caller sent, less its credentials and everything it could forge, plus what
 * the gateway vouches for. It must never pass on a credential that was meant for the gateway.
 */
import type { Identity } from "../pipeline/facts.ts";
import type { CallerRequest, RequestContext } from "../pipeline/request-context.ts";

/**
 * Where callers carry credentials: proved to the gateway, not to be replayed by the upstream. Names are compared with
 * `_` read as `-`: CGI-style upstreams (WSGI, PHP, Rack) cannot tell the two apart, so that `X_Portcullis_Caller` would
 * be an identity to them.
 */
const CREDENTIAL_NAMES = [
  "authorization proxy-authorization cookie dpop",
  "api-key x-api-key x-goog-api-key x-auth-token x-access-token x-goog-iap-jwt-assertion",
].flatMap((line) => line.split(" "));

/** The rest of what is never passed on. */
const FORGEABLE_NAMES = [
  // Who called and how: the gateway says it itself, below.
  "client-cert client-cert-chain remote-user x-remote-user",
  "forwarded x-real-ip x-client-ip x-cluster-client-ip x-original-forwarded-for",
  "true-client-ip cf-connecting-ip fastly-client-ip",
  // What an edge tells the gateway of callers. Not even a listed edge's word goes on: to an upstream it could come from
  // anyone, and what counted of it is in the decision.
  "x-tls-version x-mtls-verified x-mtls-issuer x-webhook-verified",
  "x-panic-mode x-policy-decision x-policy-pack x-policy-sign",
  "x-request-id x-correlation-id traceparent tracestate",
  // Another method, URL or host than the one that was authorised.
  "x-original-url x-rewrite-url x-original-host x-host x-original-method",
  "x-http-method x-http-method-override x-method-override",
  // Framing and connection (RFC 9110 section 7.6.1); the listener has stripped most of them already.
  "host content-length transfer-encoding connection keep-alive proxy-connection",
  "te trailer upgrade expect http2-settings max-forwards",
  // Answers must come uncoded so that stages can judge them.
  "accept-encoding",
].flatMap((line) => line.split(" "));

/** Families of names that are never passed on. */
const NEVER_FORWARDED_PREFIXES = [
  "x-forwarded-",
  "x-portcullis-",
  "x-client-cert",
  "x-ssl-client-",
  "x-auth-request-",
  "ssl-client-",
  "cf-access-",
] as const;

const CODE_HYPHEN = 45;
const CODE_C = 99;
const CODE_F = 102;
const CODE_S = 115;
const CODE_X = 120;

const NEVER: ReadonlySet<string> = new Set([...CREDENTIAL_NAMES, ...FORGEABLE_NAMES]);
/** Other fields of a request that the gateway must not overwrite with a credential. */
const SHAPING_NAMES = ["via", "content-type", "content-encoding", "accept"];

/** Whether the gateway may send a credential of its own in the field of this lower-case name. */
export function mayCarryCredential(name: string): boolean {
  return (
    CREDENTIAL_NAMES.includes(name) || !(SHAPING_NAMES.includes(name) || isDropped(name, NEVER))
  );
}

function isDropped(name: string, never: ReadonlySet<string>): boolean {
  const plain = name.includes("_") ? name.replaceAll("_", "-") : name;
  if (never.has(plain)) return true;
  // All families begin with "x-", "cf" or "s": most names are done after one comparison.
  const first = plain.charCodeAt(0);
  const second = plain.charCodeAt(1);
  const isLikely =
    first === CODE_S ||
    (first === CODE_X && second === CODE_HYPHEN) ||
    (first === CODE_C && second === CODE_F);
  if (!isLikely) return false;
  return NEVER_FORWARDED_PREFIXES.some((prefix) => plain.startsWith(prefix));
}

/** RFC 9110 section 7.6.3: a gateway MUST send Via on each inbound request. */
const VIA: Readonly<Record<CallerRequest["httpVersion"], string>> = {
  "1.0": "1.0 portcullis",
  "1.1": "1.1 portcullis",
  "2": "2 portcullis",
};

/** The gateway's own credential for an upstream. */
export interface SentCredential {
  readonly header: string;
  readonly value: string;
}

/** Makes the function that builds the flat header list of one request; called once for each upstream, at load. */
export function createRequestHead(
  credential: SentCredential | undefined,
): (context: RequestContext) => string[] {
  const never = credential ? new Set([...NEVER, credential.header.replaceAll("_", "-")]) : NEVER;
  return (context) => {
    const { request } = context;
    const { fields } = request.headers;
    const head: string[] = [];
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      if (!isDropped(name, never)) head.push(name, fields[i + 1] as string);
    }
    pushProvenance(head, request);
    const { identity } = context.facts;
    if (identity !== undefined) pushIdentity(head, identity);
    if (credential) head.push(credential.header, credential.value);
    return head;
  };
}

function pushProvenance(head: string[], request: CallerRequest): void {
  const { trace } = request;
  head.push(
    "x-request-id",
    request.requestId,
    // W3C Trace Context section 3.2: version, trace, the gateway's own span as parent, flags.
    "traceparent",
    `00-${trace.traceId}-${trace.spanId}-${trace.isSampled ? "01" : "00"}`,
    "x-forwarded-for",
    request.callerAddress,
    "x-forwarded-proto",
    request.isSecure ? "https" : "http",
    "x-forwarded-host",
    request.authority,
    "via",
    VIA[request.httpVersion],
    // RFC 9110 section 12.5.3: without the field any coding is acceptable, so that it is said.
    "accept-encoding",
    "identity",
  );
  // Where the caller gave none it is the request id, which is there already.
  if (request.correlationId !== request.requestId)
    head.push("x-correlation-id", request.correlationId);
  if (trace.state !== undefined) head.push("tracestate", trace.state);
}

function pushIdentity(head: string[], identity: Identity): void {
  if (identity.method === "anonymous") return;
  head.push("x-portcullis-caller", toFieldValue(identity.caller));
  head.push("x-portcullis-subject", toFieldValue(identity.subject));
  if (identity.tenant !== undefined)
    head.push("x-portcullis-tenant", toFieldValue(identity.tenant));
}

/** Visible ASCII but `%`: what needs no encoding, and cannot be mistaken for one. */
const PLAIN = /^[\x21-\x24\x26-\x7e]*$/;

/** A name from a credential as a field value: as it is where that is safe, else percent-encoded UTF-8. */
export function toFieldValue(text: string): string {
  return PLAIN.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
