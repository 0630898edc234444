/** The wire side of one request, as the runner sees it; the server implements it for HTTP/1.1 and HTTP/2. */
import type { Readable } from "node:stream";
import type { CallerRequest } from "./request-context.ts";
import type { Rejection, RejectionCode } from "./rejection.ts";
import type { GatewayResponse } from "./response.ts";

/** How sending the answer ended. */
export interface Sent {
  readonly bytesOut: number;
  /** False when the caller left, or a stream broke, before the last byte. */
  readonly isComplete: boolean;
}

export interface Exchange {
  readonly request: CallerRequest;
  readonly isCallerGone: boolean;
  /** Called at most once, when the caller goes away before its answer is complete. One listener; a new one replaces it. */
  onCallerGone(listener: () => void): void;
  /** Body bytes read so far. */
  readonly bytesIn: number;
  /**
   * Reads the whole body; sends `100 Continue` first if asked for. A body over the limit, ended early or too slow is a
   * rejection (`contract.body_too_large`, `listener.body_incomplete`, `listener.request_timeout`), never an exception.
   */
  readBody(limitBytes: number): Promise<Buffer | Rejection>;
  /** The body as a stream, counted against the limit; errors with a `BodyRejected` when it is broken. */
  streamBody(limitBytes: number): Readable;
  /** Sends the answer once; what is left of the request body is discarded or the connection closed. */
  send(response: GatewayResponse): Promise<Sent> | Sent;
}

/** Error of a streamed body that had to be refused on the way. */
export class BodyRejected extends Error {
  readonly rejection: Rejection;

  constructor(rejection: Rejection) {
    super(rejection.message);
    this.name = "BodyRejected";
    this.rejection = rejection;
  }
}

/** Error of a streamed answer that broke on the way; the code says what the record shall. */
export class AnswerBroken extends Error {
  readonly code: RejectionCode;

  constructor(code: RejectionCode, message: string) {
    super(message);
    this.name = "AnswerBroken";
    this.code = code;
  }
}

/** What the server hands requests to. */
export interface Handler {
  /** A request whose head is sound. Settles when the answer is sent and recorded; never rejects. */
  handle(exchange: Exchange): Promise<void>;
  /** A request whose head was understood but is refused by the listener. */
  refuse(exchange: Exchange, rejection: Rejection): Promise<void>;
  /** Bytes that never became a request; the server has answered and closed. */
  malformed(report: MalformedReport): void;
}

export interface MalformedReport {
  readonly listener: string;
  readonly address: string;
  readonly rejection: Rejection;
}
