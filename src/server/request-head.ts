/**
 * The head of a request as stages will see it, for both protocols: every rule of RFC 9110, 9112 and 9113 that keeps a
 * request from meaning two things is applied here. A head that breaks one still becomes a request, so that its refusal
 * can be recorded, but an empty one in all that was not understood.
 */
import { canonicalAddress } from "../config/cidr.ts";
import { rejection, type Rejection } from "../pipeline/rejection.ts";
import type {
  CallerRequest,
  CanonicalUrl,
  Peer,
  RequestHeaders,
  TraceContext,
} from "../pipeline/request-context.ts";
import { canonicalUrl } from "./canonical-url.ts";
import type { Connection } from "./connection.ts";
import { originBehindProxy } from "./forwarded.ts";
import { HeaderSection, readHeaders } from "./request-headers.ts";
import { requestIds } from "./request-ids.ts";

/** What a protocol hands in. */
export interface WireHead {
  readonly httpVersion: "1.0" | "1.1" | "2";
  readonly method: string;
  readonly target: string;
  /** Flat name and value, as received; without pseudo-header fields. */
  readonly rawHeaders: readonly string[];
  /** HTTP/2: `:authority`. */
  readonly authority?: string | undefined;
  /** HTTP/2: whether the head was the end of the request. */
  readonly isWithoutBody?: boolean;
}

const NO_URL: CanonicalUrl = Object.freeze({ path: "", query: "", target: "" });

/** What is served anywhere; a route's own methods are the contract's business. TRACE would echo credentials. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]);
/** RFC 9110 section 15.5.6: 405 MUST say what is allowed. */
export const ALLOW: readonly string[] = ["allow", [...METHODS].join(", ")];
/** RFC 9110 section 8.6: digits only; 15 of them stay exact in a number. */
const CONTENT_LENGTH = /^\d{1,15}$/;
/**
 * RFC 3986 section 3.2.2 narrowed to what a host can be here: labels of letters, digits, hyphens and underscores, or an
 * IPv6 address in brackets; and RFC 9110 section 7.2: an optional port, no user information.
 */
const HOST =
  /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?|\[([0-9a-f:.]+)\])(?::(\d{1,5}))?$/;
const HOST_CHARACTERS = 261;

export class RequestHead implements CallerRequest {
  readonly requestId: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly receivedAtMs: number;
  readonly startedAtMs: number;
  readonly listener: string;
  readonly httpVersion: "1.0" | "1.1" | "2";
  readonly peer: Peer;
  callerAddress: string;
  isSecure: boolean;
  readonly method: string;
  authority = "";
  url: CanonicalUrl = NO_URL;
  readonly headers: RequestHeaders;
  contentLength: number | undefined = 0;

  constructor(wire: WireHead, connection: Connection, headers: HeaderSection) {
    const ids = requestIds(headers, connection.gate.sampleTrace);
    this.requestId = ids.requestId;
    this.correlationId = ids.correlationId;
    this.trace = ids.trace;
    this.receivedAtMs = Date.now();
    this.startedAtMs = performance.now();
    this.listener = connection.listener;
    this.httpVersion = wire.httpVersion;
    this.peer = connection.peer;
    this.callerAddress = connection.peer.address;
    this.isSecure = connection.isSecure;
    this.method = wire.method;
    this.headers = headers;
  }
}

export interface ReadHead {
  readonly request: RequestHead;
  readonly refusal: Rejection | undefined;
}

/** Reads a head. The order of the checks is the order of their importance: framing before everything else. */
export function readHead(wire: WireHead, connection: Connection): ReadHead {
  const headers = new HeaderSection();
  const headerRefusal = readHeaders(wire.rawHeaders, headers, connection.limits);
  const request = new RequestHead(wire, connection, headers);
  const refusal =
    headerRefusal ??
    judgeFraming(wire, headers, request) ??
    judgeExpectations(wire, headers) ??
    judgeAuthority(wire, { headers, request, connection }) ??
    judgeTarget(wire.target, request, connection) ??
    judgeOrigin(headers, request, connection);
  return { request, refusal };
}

/** RFC 9112 section 6: exactly one way to know where the body ends. */
function judgeFraming(
  wire: WireHead,
  headers: HeaderSection,
  request: RequestHead,
): Rejection | undefined {
  const { contentLength, transferEncoding } = headers;
  if (transferEncoding !== undefined) {
    if (contentLength !== undefined || wire.httpVersion === "1.0")
      return rejection("listener.ambiguous_length", {
        cause: "Transfer-Encoding with Content-Length or HTTP/1.0",
      });
    // Section 6.1: a coding that is not understood is answered with 501. Only the bare word is understood.
    if (transferEncoding.toLowerCase() !== "chunked")
      return rejection("listener.transfer_coding_refused");
    request.contentLength = undefined;
    return undefined;
  }
  if (contentLength === undefined) {
    request.contentLength = wire.httpVersion === "2" && wire.isWithoutBody !== true ? undefined : 0;
    return undefined;
  }
  if (!CONTENT_LENGTH.test(contentLength))
    return rejection("listener.ambiguous_length", { cause: "Content-Length is not one number" });
  request.contentLength = Number(contentLength);
  return undefined;
}

function judgeExpectations(wire: WireHead, headers: HeaderSection): Rejection | undefined {
  if (wire.httpVersion !== "1.0" && wire.httpVersion !== "1.1" && wire.httpVersion !== "2")
    return rejection("listener.malformed_request", { cause: "the HTTP version is not served" });
  if (!METHODS.has(wire.method)) return rejection("listener.method_refused", { headers: ALLOW });
  // RFC 9110 section 7.8: an upgrade to h2c may be ignored, and is. A caller that asks for another protocol would
  // talk it next, so it is told no.
  if (headers.upgrade !== undefined && headers.upgrade.trim().toLowerCase() !== "h2c")
    return rejection("listener.upgrade_refused");
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== "100-continue")
    return rejection("listener.expectation_refused");
  return undefined;
}

interface Judged {
  readonly headers: HeaderSection;
  readonly request: RequestHead;
  readonly connection: Connection;
}

/** RFC 9112 section 3.2 and RFC 9113 section 8.3.1: one valid host, and no second opinion about it. */
function judgeAuthority(
  { authority }: WireHead,
  { headers, request, connection }: Judged,
): Rejection | undefined {
  const { host } = headers;
  if (authority !== undefined && host !== undefined && authority !== host)
    return rejection("listener.invalid_host", { cause: ":authority and Host differ" });
  const named = authority ?? host;
  if (named === undefined) return rejection("listener.invalid_host", { cause: "no Host" });
  if (named !== connection.lastHost) {
    const lower = named.toLowerCase();
    if (!isHost(lower))
      return rejection("listener.invalid_host", { cause: "Host is not a host and port" });
    connection.lastHost = lower;
  }
  request.authority = connection.lastHost ?? "";
  // Stages and upstreams look for Host, whatever the protocol called it.
  if (host === undefined) headers.fields.unshift("host", named);
  return undefined;
}

function isHost(lower: string): boolean {
  const match = lower.length <= HOST_CHARACTERS ? HOST.exec(lower) : null;
  if (!match) return false;
  const [, ipv6, port] = match;
  if (port !== undefined && Number(port) > 65_535) return false;
  return ipv6 === undefined || (ipv6.includes(":") && canonicalAddress(ipv6) !== undefined);
}

function judgeTarget(
  target: string,
  request: RequestHead,
  connection: Connection,
): Rejection | undefined {
  if (target !== connection.lastTarget || connection.lastUrl === undefined) {
    if (target.length > connection.limits.urlBytes) return rejection("listener.url_too_long");
    const url = canonicalUrl(target);
    if (typeof url === "string") return rejection("listener.invalid_url", { cause: url });
    connection.lastTarget = target;
    connection.lastUrl = url;
  }
  request.url = connection.lastUrl;
  return undefined;
}

function judgeOrigin(
  headers: HeaderSection,
  request: RequestHead,
  connection: Connection,
): Rejection | undefined {
  const { forwarding } = headers;
  const { trustedProxies } = connection.gate;
  if (forwarding === undefined || trustedProxies.size === 0) return undefined;
  if (!trustedProxies.has(request.peer.address)) return undefined;
  const peer = { address: request.peer.address, isSecure: request.isSecure };
  const origin = originBehindProxy(peer, forwarding, trustedProxies);
  if (typeof origin === "string") return rejection("listener.invalid_header", { cause: origin });
  request.callerAddress = origin.address;
  request.isSecure = origin.isSecure;
  headers.fields.push(...forwarding);
  return undefined;
}
