/**
 * HTTP/2 on TLS sockets that someone else accepted: nghttp2's framing, our limits on streams, resets and age. It starts
 * no more work for a connection than its stream limit, however fast the caller opens and breaks off streams.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import type { ServerLimits } from "./config.ts";
import type { Connection, Protocol } from "./connection.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { readHead, type WireHead } from "./request-head.ts";

/** Between "open no more streams" and the last word: the caller's requests on the wire still get an answer. */
const GOAWAY_GRACE_MS = 1_000;
/** RFC 9113 section 6.8: the highest stream there can be, so that nothing on its way is turned away. */
const LAST_STREAM = 2 ** 31 - 1;

/** What HTTP/2 remembers of one connection. */
class Http2Protocol implements Protocol {
  readonly session: ServerHttp2Session;
  readonly exchanges = new Set<Http2Exchange>();
  /** Requests whose handler has not settled, their streams open or not. */
  running = 0;
  readonly #connection: Connection;
  #resets = 0;
  #resetsSinceMs = 0;
  #isRetired = false;

  constructor(session: ServerHttp2Session, connection: Connection) {
    this.session = session;
    this.#connection = connection;
  }

  get isIdle(): boolean {
    return this.running === 0 && this.exchanges.size === 0;
  }

  sweep(nowMs: number): void {
    for (const exchange of this.exchanges) exchange.sweep(nowMs);
  }

  /** RFC 9113 section 6.8: first a GOAWAY that turns nothing away, then, after a moment, the one that counts. */
  retire(): void {
    const { session } = this;
    if (this.#isRetired || session.closed || session.destroyed) return;
    this.#isRetired = true;
    session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
    setTimeout(() => {
      if (!session.closed && !session.destroyed) session.close();
    }, GOAWAY_GRACE_MS).unref();
  }

  /** Counts a stream that was broken off, by either side; true when that was one too many (CVE-2023-44487). */
  isAbused(nowMs: number): boolean {
    const { count, perMs } = this.#connection.limits.streamResets;
    if (nowMs - this.#resetsSinceMs >= perMs) {
      this.#resetsSinceMs = nowMs;
      this.#resets = 0;
    }
    this.#resets++;
    return this.#resets > count;
  }
}

export class Http2Engine {
  readonly #server: Http2Server;
  readonly #limits: ServerLimits;
  #arriving: Connection | undefined;

  constructor(limits: ServerLimits) {
    this.#limits = limits;
    const resetsPerSecond = Math.max(
      1,
      (limits.streamResets.count * 1_000) / limits.streamResets.perMs,
    );
    this.#server = createServer({
      settings: {
        maxConcurrentStreams: limits.concurrentStreams,
        maxHeaderListSize: limits.headerBytes + limits.urlBytes,
        enablePush: false,
        enableConnectProtocol: false,
      },
      // nghttp2's own count of resets that arrive; ours below also counts the streams that we had to break off.
      streamResetBurst: Math.max(limits.streamResets.count, limits.concurrentStreams),
      streamResetRate: Math.ceil(resetsPerSecond),
      // Pairs, pseudo-header fields among them; more is answered by ours with 431, far more by nghttp2 with a reset.
      maxHeaderListPairs: limits.headerCount * 2 + 8,
    });
    this.#server.on("session", (session) => this.#begin(session));
    this.#server.on("sessionError", () => undefined);
  }

  accept(socket: TLSSocket, connection: Connection): void {
    this.#arriving = connection;
    this.#server.emit("connection", socket);
    this.#arriving = undefined;
  }

  #begin(session: ServerHttp2Session): void {
    const connection = this.#arriving as Connection;
    const protocol = new Http2Protocol(session, connection);
    connection.protocol = protocol;
    session.setTimeout(this.#limits.idleTimeout, () => {
      if (protocol.isIdle) session.close();
    });
    session.on("stream", (stream, _headers, flags, rawHeaders) => {
      stream.on("error", () => undefined);
      // Broken off before it was even looked at.
      if (stream.destroyed) this.#countReset(protocol, connection);
      else this.#receive(stream, { flags, rawHeaders, protocol, connection });
    });
  }

  #receive(stream: ServerHttp2Stream, { flags, rawHeaders, protocol, connection }: Received): void {
    // A stream that was broken off frees its place at once, its handler later: no new work until the old has ended.
    if (protocol.running >= connection.limits.concurrentStreams) {
      this.#countReset(protocol, connection);
      return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    }
    const { wire, expect } = readPseudoHeaders(flags, rawHeaders);
    const { request, refusal } = readHead(wire, connection);
    connection.countRequest(request.startedAtMs);
    const exchange = new Http2Exchange({ stream, connection, request, isWaiting: expect });
    protocol.exchanges.add(exchange);
    protocol.running++;
    stream.on("close", () => {
      protocol.exchanges.delete(exchange);
      if (exchange.isCallerGone || stream.rstCode !== constants.NGHTTP2_NO_ERROR)
        this.#countReset(protocol, connection);
      exchange.closed();
    });
    connection.gate.dispatch(exchange, refusal, () => {
      protocol.running--;
    });
    if (connection.mustClose) protocol.retire();
  }

  #countReset(protocol: Http2Protocol, connection: Connection): void {
    const { session } = protocol;
    if (!protocol.isAbused(performance.now()) || session.destroyed) return;
    connection.gate.observer.streamsAbused?.(connection.listener);
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

interface Received {
  readonly flags: number;
  readonly rawHeaders: readonly string[];
  readonly protocol: Http2Protocol;
  readonly connection: Connection;
}

interface PseudoHeaders {
  readonly wire: WireHead;
  readonly expect: boolean;
}

/** RFC 9113 section 8.3.1. nghttp2 has already refused repeated, missing and late pseudo-header fields. */
function readPseudoHeaders(flags: number, raw: readonly string[]): PseudoHeaders {
  const rawHeaders: string[] = [];
  const pseudo: Record<string, string> = {};
  let cookie = "";
  let expect = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name.startsWith(":")) pseudo[name] = value;
    // RFC 9113 section 8.2.3: crumbs of a cookie are joined before they are passed on.
    else if (name === "cookie") cookie = cookie === "" ? value : `${cookie}; ${value}`;
    else rawHeaders.push(name, value);
    if (name === "expect" && value.toLowerCase() === "100-continue") expect = true;
  }
  if (cookie !== "") rawHeaders.push("cookie", cookie);
  const isForeignScheme = pseudo[":scheme"] !== "https" || pseudo[":protocol"] !== undefined;
  return {
    wire: {
      httpVersion: "2",
      method: pseudo[":method"] ?? "",
      // A target for another scheme is an absolute one, and refused like it.
      target: isForeignScheme ? "" : (pseudo[":path"] ?? ""),
      rawHeaders,
      authority: pseudo[":authority"],
      isWithoutBody: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0,
    },
    expect,
  };
}
