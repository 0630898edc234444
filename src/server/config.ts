/**
 * What an operator may say about listeners and about the limits of every connection. Read once at load; nothing here
 * is looked at per request, and no default may be raised without reading what its comment says an attacker gains.
 */
import { z } from "zod";
import type { FileRef } from "../config/secrets/reference.ts";
import { fileRef } from "../config/secrets/reference.ts";
import {
  bindAddress,
  bytesBetween,
  durationBetween,
  name,
  rate,
  type BindAddress,
  type Rate,
} from "../config/units.ts";

/**
 * 16 KiB of header fields: fits a large token and tracing baggage. Every byte is held and scanned before anyone has
 * proved who they are; raising it multiplies what an anonymous flood costs in memory.
 */
export const DEFAULT_HEADER_BYTES = 16 * 1024;
/** 100 fields: browsers behind two proxies send about 40. Raised, a request of many tiny fields buys CPU cheaply. */
export const DEFAULT_HEADER_COUNT = 100;
/** 8 KiB, the least RFC 9110 section 4.1 recommends. Raised, logs and rules are fed longer attacker-chosen text. */
export const DEFAULT_URL_BYTES = 8 * 1024;
/** 10 s from the first byte to the end of the header section. Raised, a slow-header attack holds sockets longer. */
export const DEFAULT_HEADER_TIMEOUT_MS = 10_000;
/** 30 s for a whole buffered body, or between two pieces of a streamed one. Raised, slow bodies hold memory longer. */
export const DEFAULT_BODY_TIMEOUT_MS = 30_000;
/** 60 s without a request. Raised, idle connections of an attacker crowd out those of callers. */
export const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/** 30 s in which a caller reads nothing of a waiting answer. Raised, slow readers hold answers in memory longer. */
export const DEFAULT_SEND_TIMEOUT_MS = 30_000;
/** 10 s for a TLS handshake. Raised, half-open handshakes hold sockets longer. */
export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
/** 100,000 requests: a busy caller reconnects every few minutes, which spreads load after a scale-out. */
export const DEFAULT_REQUESTS_PER_CONNECTION = 100_000;
/** 1 h, less up to a tenth of jitter: how long a connection may outlive a rotated certificate or a revoked caller. */
export const DEFAULT_CONNECTION_AGE_MS = 3_600_000;
/** 20,000 connections of all listeners, about 20 KiB each when idle. Raised, a connection flood can exhaust memory. */
export const DEFAULT_CONNECTIONS = 20_000;
/**
 * 1,000 connections of one address (one /64 for IPv6): leaves room for many callers behind one translated address.
 * Raised to the whole, a single machine can take every place.
 */
export const DEFAULT_CONNECTIONS_PER_ADDRESS = 1_000;
/** 100, the least RFC 9113 section 6.5.2 recommends. Raised, one connection can run more requests at once. */
export const DEFAULT_CONCURRENT_STREAMS = 100;
/** 100 a second: a caller may give up all its streams at once. Raised, rapid resets (CVE-2023-44487) cost it nothing. */
export const DEFAULT_STREAM_RESETS: Rate = { count: 100, perMs: 1_000 };
/** 30 s to finish running requests on shutdown; orchestrators kill after that. */
export const DEFAULT_DRAIN_DEADLINE_MS = 30_000;

export interface ServerLimits {
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly urlBytes: number;
  readonly headerTimeout: number;
  readonly bodyTimeout: number;
  readonly idleTimeout: number;
  readonly sendTimeout: number;
  readonly handshakeTimeout: number;
  readonly requestsPerConnection: number;
  readonly connectionAge: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly concurrentStreams: number;
  readonly streamResets: Rate;
  readonly drainDeadline: number;
}

const count = (least: number, most: number) => z.int().min(least).max(most);

/** The section `server.limits`. Durations come out in milliseconds, sizes in bytes. */
export const serverLimitsSchema = z.strictObject({
  headerBytes: bytesBetween("1KiB", "256KiB")
    .default(DEFAULT_HEADER_BYTES)
    .describe("Most bytes of all header fields of a request together; more is answered with 431."),
  headerCount: count(10, 1_000)
    .default(DEFAULT_HEADER_COUNT)
    .describe("Most header fields of a request; more is answered with 431."),
  urlBytes: bytesBetween("256B", "64KiB")
    .default(DEFAULT_URL_BYTES)
    .describe("Longest request target, path and query together; longer is answered with 414."),
  headerTimeout: durationBetween("100ms", "5m")
    .default(DEFAULT_HEADER_TIMEOUT_MS)
    .describe(
      "Time for a request's whole header section to arrive; then 408 and the connection ends.",
    ),
  bodyTimeout: durationBetween("100ms", "1h")
    .default(DEFAULT_BODY_TIMEOUT_MS)
    .describe("Time for a whole buffered body, or between two pieces of a streamed one; then 408."),
  idleTimeout: durationBetween("1s", "1h")
    .default(DEFAULT_IDLE_TIMEOUT_MS)
    .describe("Time a kept-alive connection may stay without a request."),
  sendTimeout: durationBetween("1s", "1h")
    .default(DEFAULT_SEND_TIMEOUT_MS)
    .describe(
      "Time in which a caller may read nothing of a waiting answer before the connection ends.",
    ),
  handshakeTimeout: durationBetween("100ms", "2m")
    .default(DEFAULT_HANDSHAKE_TIMEOUT_MS)
    .describe("Time for a TLS handshake."),
  requestsPerConnection: count(1, 1_000_000_000)
    .default(DEFAULT_REQUESTS_PER_CONNECTION)
    .describe("Requests after which a connection is closed in good order."),
  connectionAge: durationBetween("1s", "24h")
    .default(DEFAULT_CONNECTION_AGE_MS)
    .describe(
      "Age at which a connection is closed in good order, less up to a tenth so that not all end at once.",
    ),
  connections: count(1, 1_000_000)
    .default(DEFAULT_CONNECTIONS)
    .describe("Most connections of all listeners together; further ones are refused."),
  connectionsPerAddress: count(1, 1_000_000)
    .default(DEFAULT_CONNECTIONS_PER_ADDRESS)
    .describe("Most connections from one address; an IPv6 /64 network counts as one address."),
  concurrentStreams: count(1, 10_000)
    .default(DEFAULT_CONCURRENT_STREAMS)
    .describe("Most requests at the same time on one HTTP/2 connection."),
  streamResets: rate
    .default(DEFAULT_STREAM_RESETS)
    .describe("Streams an HTTP/2 connection may break off; past that the connection ends."),
  drainDeadline: durationBetween("0s", "1h")
    .default(DEFAULT_DRAIN_DEADLINE_MS)
    .describe("Time that running requests get to finish when the gateway stops."),
});

export interface CallerCertificates {
  readonly mode: "none" | "request" | "require";
  readonly ca?: FileRef | undefined;
  readonly crl?: FileRef | undefined;
}

const callersSchema = z
  .strictObject({
    mode: z
      .enum(["none", "request", "require"])
      .default("none")
      .describe(
        "Whether callers show a certificate: not asked, asked for, or refused without a valid one.",
      ),
    ca: fileRef
      .optional()
      .describe(
        "PEM file of the authorities whose caller certificates are accepted. Needed unless mode is none.",
      ),
    crl: fileRef
      .optional()
      .describe(
        "PEM file of certificate revocation lists. One that has run out refuses every caller.",
      ),
  })
  .superRefine((callers, context) => {
    if (callers.mode !== "none" && callers.ca === undefined)
      context.addIssue({
        code: "custom",
        path: ["ca"],
        message: `callers.mode is "${callers.mode}" but no authority is named`,
        params: { hint: 'add ca: "file:callers-ca.crt"' },
      });
    if (callers.mode === "none" && (callers.ca ?? callers.crl) !== undefined)
      context.addIssue({
        code: "custom",
        path: ["mode"],
        message: "an authority is named but callers are not asked for a certificate",
        params: { hint: 'set mode to "request" or "require", or remove ca and crl' },
      });
  });

export interface TlsConfig {
  readonly certificate: FileRef;
  readonly key: FileRef;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly callers: CallerCertificates;
}

const tlsSchema = z.strictObject({
  certificate: fileRef.describe("PEM file of the server's certificate, followed by its issuers."),
  key: fileRef.describe(
    "PEM file of the certificate's private key; readable by the gateway alone.",
  ),
  minVersion: z
    .enum(["TLSv1.2", "TLSv1.3"])
    .default("TLSv1.2")
    .describe("Oldest TLS version that is accepted."),
  callers: callersSchema
    .default({ mode: "none" })
    .describe("Certificates of callers (mutual TLS)."),
});

export interface ListenerConfig {
  readonly bind: BindAddress;
  readonly name?: string | undefined;
  readonly allowPlainHttp: boolean;
  readonly tls?: TlsConfig | undefined;
}

/** One entry of the section `listeners`. */
export const listenerSchema = z
  .strictObject({
    bind: bindAddress.describe("Address and port to listen on."),
    name: name.optional().describe("Name in logs and metrics. Default: the text of `bind`."),
    allowPlainHttp: z
      .boolean()
      .default(false)
      .describe(
        "Serve plain HTTP off loopback. Refused in production: anyone on the way reads every token.",
      ),
    tls: tlsSchema
      .optional()
      .describe("TLS settings. Without them the listener speaks plain HTTP/1.1."),
  })
  .superRefine((listener, context) => {
    if (listener.tls || listener.bind.isLoopback || listener.allowPlainHttp) return;
    context.addIssue({
      code: "custom",
      path: ["bind"],
      message: "plain HTTP is served on loopback only",
      params: {
        hint: "add tls, bind to 127.0.0.1, or set allowPlainHttp: true outside production",
      },
    });
  });

/** The section `listeners`: at least one, none twice. */
export const listenersSchema = z
  .array(listenerSchema)
  .min(1)
  .superRefine((listeners, context) => {
    const seen = new Set<string>();
    listeners.forEach((listener, index) => {
      const isFixed = listener.bind.port !== 0;
      for (const label of [isFixed ? bindText(listener.bind) : undefined, listener.name]) {
        if (label === undefined) continue;
        if (seen.has(label))
          context.addIssue({
            code: "custom",
            path: [index, label === listener.name ? "name" : "bind"],
            message: `another listener is already called or bound to "${label}"`,
          });
        seen.add(label);
      }
    });
  })
  .describe("Where callers reach the gateway.");

/** "127.0.0.1:8443" or "[::]:8443". */
export function bindText({ host, port }: BindAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The listener's name in logs and metrics. */
export function listenerName(listener: ListenerConfig): string {
  return listener.name ?? bindText(listener.bind);
}
