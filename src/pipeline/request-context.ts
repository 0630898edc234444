/**
 * What the pipeline knows of one request: the head as it arrived, the route it matched, its body once read, and the
 * facts that stages have learned. Stages read it; only the runner writes to it.
 */
import type { Facts } from "./facts.ts";

/** The path and query in their one canonical form (RFC 3986); what cannot be canonicalised never gets here. */
export interface CanonicalUrl {
  /** Absolute path, percent-decoded where RFC 3986 section 2.3 calls the character unreserved; otherwise as sent. */
  readonly path: string;
  /** Everything behind the first `?`, as sent, without the `?`; empty when there is none. */
  readonly query: string;
  /** What goes upstream: `path` and, when there is a query, `?` and `query`. */
  readonly target: string;
}

/** End-to-end request header fields; hop-by-hop and Connection-named fields are already gone (RFC 9110 section 7.6.1). */
export interface RequestHeaders {
  /** The field's value, repeated fields joined by ", ", or undefined. `name` is lower case. */
  get(name: string): string | undefined;
  /** Flat name, value, name, value; names in lower case, in the order received. */
  readonly fields: readonly string[];
}

/** A caller's certificate, verified against the listener's CA when `verified` is true. */
export interface PeerCertificate {
  readonly verified: boolean;
  /** Why it did not verify; private, for the log. */
  readonly verifyError?: string;
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** Subject alternative names: `DNS:a.example`, `URI:spiffe://...`, `IP Address:10.0.0.1`. */
  readonly subjectAltNames: readonly string[];
  /** Base64url SHA-256 of the DER certificate, as in RFC 8705 `x5t#S256`. */
  readonly thumbprintSha256: string;
  /** DER of the certificate and of its issuers, leaf first. */
  readonly chain: readonly Buffer[];
  readonly expiresAtMs: number;
}

/** The socket's other end. Never taken from a header. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly tls?: {
    readonly version: string;
    readonly cipher: string;
    readonly serverName?: string;
  };
  readonly certificate?: PeerCertificate;
}

/** W3C Trace Context of this request: continued from the caller or begun here. */
export interface TraceContext {
  readonly traceId: string;
  /** The gateway's own span, sent upstream as the parent. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly isSampled: boolean;
  /** The caller's `tracestate`, passed on as it came. */
  readonly state?: string;
}

/** The head of a request as the listener accepted it. */
export interface CallerRequest {
  readonly requestId: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
  /** Wall clock, milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** Monotonic clock, milliseconds (`performance.now()`). */
  readonly startedAtMs: number;
  /** The listener's name in the configuration. */
  readonly listener: string;
  readonly httpVersion: "1.0" | "1.1" | "2";
  readonly peer: Peer;
  /** The caller's address: the peer's, or what a trusted proxy says of it. Canonical text, IPv4-mapped IPv6 unwrapped. */
  readonly callerAddress: string;
  /** TLS to the gateway, or to a trusted proxy that says so. */
  readonly isSecure: boolean;
  readonly method: string;
  /** Host and optional port, lower case. */
  readonly authority: string;
  readonly url: CanonicalUrl;
  readonly headers: RequestHeaders;
  /** Declared body length in bytes; undefined when chunked; 0 when there is none. */
  readonly contentLength: number | undefined;
}

/** One way through the gateway, compiled at load. Models expand into routes of this same kind. */
export interface Route {
  /** Stable name for metrics and records, such as `churn.v2.predict`. */
  readonly id: string;
  /** The path template, such as `/churn/v2/predict` or `/causal/{model:slug}/explain`. */
  readonly template: string;
  readonly methods: readonly string[];
  readonly model: string | undefined;
  readonly version: string | undefined;
  /** The upstream's name in the configuration; undefined for the pseudo-route of unmatched paths. */
  readonly upstream: string | undefined;
  readonly bodyLimitBytes: number;
  /** Buffer: stages see the whole body first. Stream: it is passed on as it comes, only counted. */
  readonly bodyMode: "buffer" | "stream";
}

export interface RequestContext {
  readonly request: CallerRequest;
  readonly peer: Peer;
  readonly route: Route;
  /** Typed path parameters by name, canonical text. */
  readonly params: Readonly<Record<string, string>>;
  /** The body's exact bytes; empty during the head pass and on streamed routes. */
  readonly body: Buffer;
  readonly facts: Readonly<Facts>;
}
