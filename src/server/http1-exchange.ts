/** One request and its answer over HTTP/1.1. It never leaves a connection open whose next byte it is not sure about. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Sent } from "../pipeline/exchange.ts";
import { rejection, type Rejection } from "../pipeline/rejection.ts";
import type { GatewayResponse } from "../pipeline/response.ts";
import type { Connection } from "./connection.ts";
import type { CuttableExchange } from "./gate.ts";
import { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { declaredLength, endToEndFields, isWithoutContent } from "./response-head.ts";

/** An unread body up to this is read and thrown away, so that a refusal need not cost the caller its connection. */
const DISCARD_BYTES = 64 * 1024;
/** A body of up to this goes out in the same write as its head. Larger ones cost more to copy than a second write. */
const ONE_WRITE_BYTES = 16 * 1024;
/** An answer of up to this counts as sent once the kernel or the socket's own buffer has it. */
const BUFFERED_BYTES = 64 * 1024;
/**
 * How long a closing connection goes on reading, and how much: closing with unread bytes makes the kernel reset the
 * connection, and the caller may never see the answer (RFC 9112 section 9.6).
 */
const LINGER_MS = 2_000;
const LINGER_BYTES = 1024 * 1024;

export interface Http1ExchangeInput {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly connection: Connection;
  readonly request: RequestHead;
  /** Whether the caller waits for `100 Continue` before it sends the body. */
  readonly isWaiting: boolean;
}

export class Http1Exchange implements CuttableExchange {
  readonly request: RequestHead;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #connection: Connection;
  readonly #body: RequestBody;
  #isWaiting: boolean;
  #isAnswered = false;
  /** Whether we ourselves broke the answer off. */
  #isCut = false;
  /** Whether the answer has left this process, as far as it matters to anyone. */
  #isFlushed = false;
  /** Whether the bytes where the body should be were no body: nothing behind them can be read either. */
  #isBroken = false;
  #isWatching = false;
  #onGone: (() => void) | undefined;

  constructor({ incoming, outgoing, connection, request, isWaiting }: Http1ExchangeInput) {
    this.request = request;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#connection = connection;
    this.#isWaiting = isWaiting;
    this.#body = new RequestBody({
      source: incoming,
      contentLength: request.contentLength,
      timeoutMs: connection.limits.bodyTimeout,
      isWhole: () => incoming.complete,
      brokenEvent: "error",
      invite: () => this.#sendContinue(),
    });
  }

  get bytesIn(): number {
    return this.#body.bytesIn;
  }

  get isCallerGone(): boolean {
    return !this.#isCut && !this.#isFlushed && this.#outgoing.destroyed;
  }

  /** Whether an answer has been handed to the socket in full. */
  get isAnswered(): boolean {
    return this.#outgoing.writableEnded || this.#outgoing.destroyed;
  }

  onCallerGone(listener: () => void): void {
    this.#onGone = listener;
    if (this.isCallerGone) return listener();
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#outgoing.on("close", () => {
      if (this.isCallerGone) this.#onGone?.();
    });
  }

  readBody(limitBytes: number): Promise<Buffer | Rejection> {
    return this.#body.readWhole(limitBytes);
  }

  streamBody(limitBytes: number): Readable {
    return this.#body.stream(limitBytes);
  }

  /** Refuses a body that is too slow. */
  sweep(nowMs: number): void {
    if (this.#body.isLate(nowMs)) this.breakBody(rejection("listener.request_timeout"));
  }

  /** The bytes behind the head turned out to be no body. Does nothing once the whole body is here. */
  breakBody(refusal: Rejection): void {
    this.#isBroken = true;
    this.#body.fail(refusal);
  }

  /** Ends the connection at once; what was sent so far must not look complete. */
  cut(): void {
    this.#isCut = true;
    this.#outgoing.destroy();
    this.#connection.socket.destroy();
  }

  send(response: GatewayResponse): Promise<Sent> | Sent {
    if (this.#isAnswered) throw new Error("an exchange is answered once");
    this.#isAnswered = true;
    const { body } = response;
    if (this.#outgoing.destroyed) {
      if (!Buffer.isBuffer(body)) body.destroy();
      return { bytesOut: 0, isComplete: false };
    }
    const isEmpty = isWithoutContent(this.request.method, response);
    const isBodySettled = this.#isBodySettled();
    const isClosing = !isBodySettled || this.#connection.mustClose;
    const fields = endToEndFields(response.headers);
    const lengthBytes = lengthToDeclare(response, isEmpty);
    if (lengthBytes !== undefined) fields.push("content-length", String(lengthBytes));
    if (isClosing) {
      this.#connection.isEnding = true;
      fields.push("connection", "close");
    }
    try {
      this.#outgoing.writeHead(response.status, fields);
    } catch (error) {
      // A field that cannot be written is an upstream's or a stage's mistake: nothing goes out rather than half of it.
      if (!Buffer.isBuffer(body)) body.destroy();
      this.cut();
      throw error;
    }
    if (!Buffer.isBuffer(body)) return this.#sendStream(body, isEmpty, lengthBytes);
    if (!isBodySettled && !this.#isWaiting && !this.#isBroken)
      return this.#sendAndLinger(isEmpty ? undefined : body);
    return this.#sendBuffer(isEmpty ? undefined : body);
  }

  #sendBuffer(body: Buffer | undefined): Promise<Sent> | Sent {
    const bytesOut = body?.length ?? 0;
    const { socket } = this.#connection;
    // Node joins head and body into one write only when both are text; Latin-1 is byte for byte the same.
    if (body && bytesOut <= ONE_WRITE_BYTES) this.#outgoing.end(body.toString("latin1"), "latin1");
    else this.#outgoing.end(body);
    if (socket.writableLength <= BUFFERED_BYTES) {
      this.#isFlushed = !socket.destroyed;
      return { bytesOut, isComplete: this.#isFlushed };
    }
    socket.setTimeout(this.#connection.limits.sendTimeout);
    return new Promise((resolve) => {
      this.#outgoing.on("finish", () => {
        // Node 22 also says "finish" when the socket was destroyed with bytes still waiting.
        if (socket.destroyed) return;
        this.#isFlushed = true;
        resolve({ bytesOut, isComplete: true });
      });
      this.#outgoing.on("close", () => resolve({ bytesOut: 0, isComplete: false }));
    });
  }

  /** The answer at once, the end of the connection later: when the caller has stopped sending, or has had its time. */
  #sendAndLinger(body: Buffer | undefined): Sent {
    const outgoing = this.#outgoing;
    if (body && body.length > 0) outgoing.write(body);
    else outgoing.flushHeaders();
    let discardedBytes = 0;
    const end = (): void => {
      clearTimeout(timer);
      if (!outgoing.writableEnded) outgoing.end();
    };
    const timer = setTimeout(end, LINGER_MS).unref();
    const incoming = this.#incoming;
    incoming.on("data", (chunk: Buffer) => {
      discardedBytes += chunk.length;
      if (discardedBytes > LINGER_BYTES) incoming.pause();
    });
    incoming.on("end", end);
    incoming.on("error", end);
    outgoing.on("close", end);
    incoming.resume();
    this.#isFlushed = true;
    return { bytesOut: body?.length ?? 0, isComplete: true };
  }

  #sendStream(body: Readable, isEmpty: boolean, lengthBytes: number | undefined): Promise<Sent> {
    const outgoing = this.#outgoing;
    const { socket, limits } = this.#connection;
    if (isEmpty) {
      body.on("error", () => undefined);
      body.resume();
      outgoing.end();
      this.#isFlushed = true;
      return Promise.resolve({ bytesOut: 0, isComplete: true });
    }
    // The head of an event stream must not wait for its first event.
    if (body.readableLength === 0) outgoing.flushHeaders();
    let bytesOut = 0;
    return new Promise((resolve) => {
      const breakOff = (): void => {
        if (!outgoing.writableEnded && !outgoing.destroyed) this.cut();
      };
      body.on("data", (chunk: Buffer) => {
        bytesOut += chunk.length;
        // More than declared would be read as the start of the next answer.
        if (lengthBytes !== undefined && bytesOut > lengthBytes) return void body.destroy();
        if (outgoing.write(chunk)) return;
        body.pause();
        socket.setTimeout(limits.sendTimeout);
      });
      outgoing.on("drain", () => {
        socket.setTimeout(0);
        body.resume();
      });
      body.on("end", () => {
        // Less than declared must not look like the whole.
        if (lengthBytes !== undefined && bytesOut < lengthBytes) return breakOff();
        socket.setTimeout(limits.sendTimeout);
        outgoing.end();
      });
      body.on("error", breakOff);
      body.on("close", breakOff);
      outgoing.on("finish", () => {
        this.#isFlushed = !socket.destroyed;
      });
      outgoing.on("close", () => {
        body.destroy();
        resolve({ bytesOut, isComplete: this.#isFlushed });
      });
    });
  }

  /** Whether what is left of the request body can do no harm to the next request. */
  #isBodySettled(): boolean {
    if (this.#body.isConsumed) return true;
    // Bytes that were no body, or came too late, may still come: then nothing behind them can be a request.
    if (this.#isWaiting || this.#isBroken) return false;
    if (this.#connection.isEnding) return false;
    return this.#incoming.complete || (this.request.contentLength ?? Infinity) <= DISCARD_BYTES;
  }

  #sendContinue(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#outgoing.writeContinue();
  }
}

function lengthToDeclare(response: GatewayResponse, isEmpty: boolean): number | undefined {
  // RFC 9110 section 8.6: 204 has no length; HEAD and 304 may tell what GET would have had.
  if (response.status === 204) return undefined;
  if (isEmpty) return declaredLength(response.headers);
  return Buffer.isBuffer(response.body) ? response.body.length : declaredLength(response.headers);
}
