/**
 * HTTP/1.1 on sockets that someone else accepted: Node's own parser and server, with its leniency off, its timeouts on
 * and one request of a connection at a time. It never parses a byte itself.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { rejection, type Rejection } from "../pipeline/rejection.ts";
import type { ServerLimits } from "./config.ts";
import { CONNECTION, type Connection, type Protocol } from "./connection.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { answerMalformed, rejectionOfParserError } from "./malformed-answer.ts";
import { ALLOW, readHead } from "./request-head.ts";

/** How often Node looks for connections whose header section is late. */
const TIMEOUT_CHECK_MS = 1_000;
/**
 * Requests a caller may send ahead of their answers. Node would start them all at once; here they wait in line, because
 * an answer that closes the connection must also end everything behind it. Raised, one connection queues more work.
 */
const PIPELINED_REQUESTS = 64;

interface Waiting {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly isWaiting: boolean;
}

/** What HTTP/1.1 remembers of one connection. */
class Http1Protocol implements Protocol {
  current: Http1Exchange | undefined = undefined;
  currentOutgoing: ServerResponse | undefined = undefined;
  line: Waiting[] | undefined = undefined;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  sweep(nowMs: number): void {
    this.current?.sweep(nowMs);
    const { socket, limits } = this.#connection;
    const outgoing = this.currentOutgoing;
    // An idle connection must not hold its last request in memory.
    if (outgoing?.writableFinished) {
      this.current = undefined;
      this.currentOutgoing = undefined;
      return;
    }
    // A small answer that a caller does not read would wait for ever: Node watches idle connections only.
    if (outgoing?.writableEnded && !socket.timeout) socket.setTimeout(limits.sendTimeout);
  }

  /** The next answer closes the connection; one without requests runs into its idle timeout. */
  retire(): void {}

  get isIdle(): boolean {
    return this.currentOutgoing === undefined || this.currentOutgoing.writableFinished;
  }
}

type Http1Socket = Socket & { [CONNECTION]?: Connection };

export class Http1Engine {
  readonly #server: Server;

  constructor(limits: ServerLimits) {
    this.#server = createServer({
      insecureHTTPParser: false,
      // The parser stops reading here; the exact limits of fields and target are judged afterwards, with their codes.
      maxHeaderSize: limits.headerBytes + limits.urlBytes,
      headersTimeout: limits.headerTimeout,
      // A body's time begins when it is asked for and is watched by the sweep, which can tell streams from buffers.
      requestTimeout: 0,
      keepAliveTimeout: limits.idleTimeout,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headerTimeout),
      // Judged here, so that its refusal is recorded like every other.
      requireHostHeader: false,
    });
    // Node would silently cut the list of fields; ours is counted and refused.
    this.#server.maxHeadersCount = 0;
    this.#server.on("request", (incoming, outgoing) => this.#receive(incoming, outgoing, false));
    this.#server.on("checkContinue", (incoming, outgoing) =>
      this.#receive(incoming, outgoing, true),
    );
    this.#server.on("checkExpectation", (incoming, outgoing) =>
      this.#receive(incoming, outgoing, false),
    );
    this.#server.on("connect", (_, socket) => this.#refuseConnect(socket as Http1Socket));
    this.#server.on("clientError", (error, socket) =>
      this.#onParserError(error, socket as Http1Socket),
    );
    // Node watches header timeouts from its "listening" event on. This server never listens: sockets are handed to it.
    this.#server.emit("listening");
  }

  accept(socket: Socket, connection: Connection): void {
    (socket as Http1Socket)[CONNECTION] = connection;
    connection.protocol = new Http1Protocol(connection);
    this.#server.emit("connection", socket);
  }

  /** Stops watching timeouts. Called when the last connection is gone. */
  close(): void {
    this.#server.close();
  }

  #receive(incoming: IncomingMessage, outgoing: ServerResponse, isWaiting: boolean): void {
    const connection = (incoming.socket as Http1Socket)[CONNECTION] as Connection;
    // RFC 9112 section 9.6: what follows the last request of a closing connection is never a request.
    if (connection.isEnding) return;
    const protocol = connection.protocol as Http1Protocol;
    const isBusy = protocol.current !== undefined && !protocol.current.isAnswered;
    if (!isBusy && protocol.line === undefined)
      return this.#handle({ incoming, outgoing, isWaiting }, connection);
    if (protocol.line === undefined) {
      protocol.line = [];
      this.#handleNextAfter(protocol.currentOutgoing as ServerResponse, connection);
    }
    protocol.line.push({ incoming, outgoing, isWaiting });
    if (protocol.line.length > PIPELINED_REQUESTS) incoming.socket.destroy();
  }

  #handleNextAfter(outgoing: ServerResponse, connection: Connection): void {
    outgoing.once("close", () => {
      const protocol = connection.protocol as Http1Protocol;
      const isOver = connection.isEnding || connection.socket.destroyed;
      const next = isOver ? undefined : protocol.line?.shift();
      if (next === undefined) {
        protocol.line = undefined;
        return;
      }
      this.#handle(next, connection);
      this.#handleNextAfter(next.outgoing, connection);
    });
  }

  #handle({ incoming, outgoing, isWaiting }: Waiting, connection: Connection): void {
    const { request, refusal } = readHead(
      {
        httpVersion: incoming.httpVersion as "1.0" | "1.1",
        method: incoming.method as string,
        target: incoming.url as string,
        rawHeaders: incoming.rawHeaders,
      },
      connection,
    );
    connection.countRequest(request.startedAtMs);
    // A head with no clear meaning says nothing about where the next one begins.
    if (refusal !== undefined) connection.isEnding = true;
    const exchange = new Http1Exchange({ incoming, outgoing, connection, request, isWaiting });
    const protocol = connection.protocol as Http1Protocol;
    protocol.current = exchange;
    protocol.currentOutgoing = outgoing;
    connection.gate.dispatch(exchange, refusal);
  }

  /** RFC 9110 section 9.3.6: after CONNECT the socket would be a tunnel; there is no request to hand over. */
  #refuseConnect(socket: Http1Socket): void {
    const refusal = rejection("listener.method_refused", {
      cause: "CONNECT",
      headers: ALLOW,
    });
    socket.on("error", () => socket.destroy());
    this.#answerRaw(socket, refusal);
  }

  #onParserError(error: NodeJS.ErrnoException, socket: Http1Socket): void {
    const connection = socket[CONNECTION];
    if (connection === undefined || error.code === "ECONNRESET") return void socket.destroy();
    // What ends the connection is already on its way, and tells more than a second complaint.
    if (connection.isEnding) return;
    const refusal = rejectionOfParserError(error);
    const { current } = connection.protocol as Http1Protocol;
    connection.isEnding = true;
    if (current && !current.isAnswered)
      return current.breakBody(isCutShort(error) ? rejection("listener.body_incomplete") : refusal);
    // Nobody said anything yet: someone connected ahead of time, or looked whether the port is open.
    if (socket.bytesRead === 0) return void socket.destroy();
    this.#answerRaw(socket, refusal);
  }

  #answerRaw(socket: Http1Socket, refusal: Rejection): void {
    const connection = socket[CONNECTION];
    if (connection) connection.isEnding = true;
    if (socket.writable) answerMalformed(socket, refusal);
    else socket.destroy();
    connection?.gate.malformed({
      listener: connection.listener,
      address: connection.peer.address,
      rejection: refusal,
    });
  }
}

/** The caller closed its side in the middle of a message. */
function isCutShort(error: NodeJS.ErrnoException): boolean {
  return error.code === "HPE_INVALID_EOF_STATE";
}
