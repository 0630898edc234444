/** One request and its answer over HTTP/2: a stream of its own, which can be ended without harm to the others. */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { Sent } from "../pipeline/exchange.ts";
import { rejection, type Rejection } from "../pipeline/rejection.ts";
import type { GatewayResponse } from "../pipeline/response.ts";
import type { Connection } from "./connection.ts";
import type { CuttableExchange } from "./gate.ts";
import { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { declaredLength, endToEndFields, isWithoutContent } from "./response-head.ts";

/** An answer of up to this counts as sent once it is queued: it is the initial window of RFC 9113 section 6.9.2. */
const BUFFERED_BYTES = 64 * 1024 - 1;

export interface Http2ExchangeInput {
  readonly stream: ServerHttp2Stream;
  readonly connection: Connection;
  readonly request: RequestHead;
  readonly isWaiting: boolean;
}

export class Http2Exchange implements CuttableExchange {
  readonly request: RequestHead;
  readonly #stream: ServerHttp2Stream;
  readonly #connection: Connection;
  readonly #body: RequestBody;
  #isWaiting: boolean;
  #isAnswered = false;
  #isCut = false;
  #isFlushed = false;
  #onGone: (() => void) | undefined;

  constructor({ stream, connection, request, isWaiting }: Http2ExchangeInput) {
    this.request = request;
    this.#stream = stream;
    this.#connection = connection;
    this.#isWaiting = isWaiting;
    this.#body = new RequestBody({
      source: stream,
      contentLength: request.contentLength,
      timeoutMs: connection.limits.bodyTimeout,
      // Before we have answered only the caller can have closed the stream, and then the body was cut short.
      isWhole: () => !stream.closed,
      brokenEvent: "close",
      invite: () => this.#sendContinue(),
    });
  }

  get bytesIn(): number {
    return this.#body.bytesIn;
  }

  get isCallerGone(): boolean {
    return !this.#isCut && !this.#isFlushed && (this.#stream.closed || this.#stream.destroyed);
  }

  onCallerGone(listener: () => void): void {
    this.#onGone = listener;
    if (this.isCallerGone) listener();
  }

  /** Told by the engine once the stream is closed. */
  closed(): void {
    if (this.isCallerGone) this.#onGone?.();
  }

  readBody(limitBytes: number): Promise<Buffer | Rejection> {
    return this.#body.readWhole(limitBytes);
  }

  streamBody(limitBytes: number): Readable {
    return this.#body.stream(limitBytes);
  }

  /** Refuses a body that is too slow. */
  sweep(nowMs: number): void {
    if (this.#body.isLate(nowMs)) this.#body.fail(rejection("listener.request_timeout"));
  }

  cut(): void {
    this.#isCut = true;
    // Not close(): it ends the writable side first, and a body cut short would arrive as a whole one.
    this.#stream.destroy(new Error("the answer was broken off"));
  }

  send(response: GatewayResponse): Promise<Sent> | Sent {
    if (this.#isAnswered) throw new Error("an exchange is answered once");
    this.#isAnswered = true;
    const { body } = response;
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) {
      if (!Buffer.isBuffer(body)) body.destroy();
      return { bytesOut: 0, isComplete: false };
    }
    const isEmpty = isWithoutContent(this.request.method, response);
    const declared = Buffer.isBuffer(body) ? body.length : declaredLength(response.headers);
    const hasContent = !isEmpty && declared !== 0;
    try {
      stream.respond(toHttp2Headers(response, isEmpty ? undefined : declared), {
        endStream: !hasContent,
      });
    } catch (error) {
      if (!Buffer.isBuffer(body)) body.destroy();
      this.cut();
      throw error;
    }
    this.#endUnreadBody();
    if (!hasContent) {
      if (!Buffer.isBuffer(body)) body.on("error", () => undefined).resume();
      this.#isFlushed = true;
      return { bytesOut: 0, isComplete: true };
    }
    stream.setTimeout(this.#connection.limits.sendTimeout, () =>
      stream.destroy(new Error("the caller does not read its answer")),
    );
    return Buffer.isBuffer(body) ? this.#sendBuffer(body) : this.#sendStream(body, declared);
  }

  #sendBuffer(body: Buffer): Promise<Sent> | Sent {
    const stream = this.#stream;
    stream.end(body);
    if (body.length <= BUFFERED_BYTES) {
      this.#isFlushed = true;
      return { bytesOut: body.length, isComplete: true };
    }
    return new Promise((resolve) => {
      stream.on("finish", () => {
        this.#isFlushed = true;
        resolve({ bytesOut: body.length, isComplete: true });
      });
      stream.on("close", () => resolve({ bytesOut: 0, isComplete: false }));
    });
  }

  #sendStream(body: Readable, declared: number | undefined): Promise<Sent> {
    const stream = this.#stream;
    const { sendTimeout } = this.#connection.limits;
    let bytesOut = 0;
    // While the upstream is silent nothing waits for the caller.
    stream.setTimeout(0);
    return new Promise((resolve) => {
      const breakOff = (): void => {
        if (!stream.writableEnded && !stream.closed) this.cut();
      };
      body.on("data", (chunk: Buffer) => {
        bytesOut += chunk.length;
        if (declared !== undefined && bytesOut > declared) return void body.destroy();
        if (stream.closed || stream.write(chunk)) return;
        body.pause();
        stream.setTimeout(sendTimeout);
      });
      stream.on("drain", () => {
        stream.setTimeout(0);
        body.resume();
      });
      body.on("end", () => {
        if (declared !== undefined && bytesOut < declared) return breakOff();
        stream.setTimeout(sendTimeout);
        stream.end();
      });
      body.on("error", breakOff);
      body.on("close", breakOff);
      stream.on("finish", () => {
        this.#isFlushed = !this.#isCut && stream.rstCode === constants.NGHTTP2_NO_ERROR;
      });
      stream.on("close", () => {
        body.destroy();
        resolve({ bytesOut, isComplete: this.#isFlushed });
      });
    });
  }

  /** RFC 9113 section 8.1: a caller that is answered before its body ended is told to stop, without an error. */
  #endUnreadBody(): void {
    const stream = this.#stream;
    if (this.#body.isConsumed || stream.readableEnded) return;
    stream.on("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #sendContinue(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#stream.additionalHeaders({ ":status": 100 });
  }
}

function toHttp2Headers(
  response: GatewayResponse,
  lengthBytes: number | undefined,
): OutgoingHttpHeaders {
  const fields = endToEndFields(response.headers);
  const headers: OutgoingHttpHeaders = { __proto__: null, ":status": response.status } as never;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const earlier = headers[name];
    if (earlier === undefined) headers[name] = value;
    else headers[name] = Array.isArray(earlier) ? [...earlier, value] : [String(earlier), value];
  }
  if (lengthBytes !== undefined && response.status !== 204) headers["content-length"] = lengthBytes;
  return headers;
}
