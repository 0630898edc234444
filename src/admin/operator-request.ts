/** One request to the operator's listener, as its pages see it: whole, small, and with the socket's own other end. */

export interface OperatorRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** At most `OPERATOR_BODY_BYTES`; empty for GET and HEAD. */
  readonly body: Buffer;
  /** The socket's peer, never what a header says of it. */
  readonly peerAddress: string;
  /** What tells a browser's request from an operator's tool. */
  readonly headers: {
    readonly host?: string | undefined;
    readonly origin?: string | undefined;
    readonly secFetchSite?: string | undefined;
  };
}

/** 4 KiB: a reason and a signature. Raised, each of the listener's connections may hold as much. */
export const OPERATOR_BODY_BYTES = 4_096;
