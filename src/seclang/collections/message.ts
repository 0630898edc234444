/** What the engine is told of a request and of its answer: the bytes as they came, nothing repaired, nothing joined. */
import type { ByteString } from "../byte-string.ts";

/** Header fields in wire order and spelling; duplicates stay apart. */
export type HeaderFields = readonly (readonly [name: ByteString, value: ByteString])[];

export interface RequestHead {
  readonly method: ByteString;
  /** The request-target exactly as in the request line (RFC 9112 section 3.2): origin, absolute, authority or asterisk form. */
  readonly target: ByteString;
  /** `HTTP/1.1`, `HTTP/2.0`. */
  readonly protocol: ByteString;
  readonly headers: HeaderFields;
  /** UNIQUE_ID. */
  readonly id?: string;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly serverAddress?: string;
  readonly serverPort?: number;
  /** SERVER_NAME; without it the host of the target or of the Host header. */
  readonly serverName?: string;
}

export interface ResponseHead {
  readonly status: number;
  readonly protocol: ByteString;
  readonly headers: HeaderFields;
}
