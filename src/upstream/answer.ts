/**
 * One answer as it arrives: whether it is to be collected or passed on, and what has come so far. It holds at most what
 * its limit allows, and decides nothing about time.
 */
import type { Readable } from "node:stream";
import type { GatewayResponse } from "../pipeline/response.ts";
import type { ResponseHead } from "./response-head.ts";

/**
 * What to do with the body: there is `none`; `collect` it whole; `hold` it until it is known to be long or slow; `stream`
 * it at once; it is `too_large` from the head alone.
 */
export type Way = "none" | "collect" | "hold" | "stream" | "too_large";

export interface AnswerTerms {
  readonly method: string;
  /** A stage must see the whole answer. */
  readonly mustBuffer: boolean;
  /** Most bytes of the body, collected or streamed. */
  readonly limitBytes: number;
  readonly streamAboveBytes: number;
}

const EMPTY = Buffer.alloc(0);
const LENGTH_UNKNOWN = -1;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

export class Answer {
  readonly status: number;
  readonly way: Way;
  readonly #head: ResponseHead;
  readonly #limitBytes: number;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #receivedBytes = 0;

  constructor(status: number, head: ResponseHead, terms: AnswerTerms) {
    this.status = status;
    this.#head = head;
    this.#limitBytes = terms.limitBytes;
    this.way = wayOf(status, head, terms);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Counts a chunk; false when it goes over the limit. */
  count(chunk: Buffer): boolean {
    this.#receivedBytes += chunk.length;
    return this.#receivedBytes <= this.#limitBytes;
  }

  keep(chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk;
    else (this.#rest ??= [this.#first]).push(chunk);
  }

  /** Hands out what was kept, and keeps it no longer. */
  takeKept(): readonly Buffer[] {
    const kept = this.#rest ?? (this.#first ? [this.#first] : []);
    this.#first = undefined;
    this.#rest = undefined;
    return kept;
  }

  /** The answer with the body that was kept. Its length is the server's to say, but where there is no body. */
  toWhole(): GatewayResponse {
    const body = this.#rest
      ? Buffer.concat(this.#rest, this.#receivedBytes)
      : (this.#first ?? EMPTY);
    // RFC 9110 section 8.6: with HEAD and 304 the length is of the answer that a GET would get, and not ours to work out.
    const keepsLength = this.way === "none" && this.status !== NO_CONTENT;
    return this.#withBody(body, keepsLength);
  }

  toStreamed(body: Readable): GatewayResponse {
    return this.#withBody(body, true);
  }

  #withBody(body: Buffer | Readable, keepsLength: boolean): GatewayResponse {
    const { headers, contentLength } = this.#head;
    if (keepsLength && contentLength !== LENGTH_UNKNOWN)
      headers.push("content-length", String(contentLength));
    return { status: this.status, headers, body };
  }
}

function wayOf(status: number, head: ResponseHead, terms: AnswerTerms): Way {
  // RFC 9112 section 6.3: whatever the fields say, these answers have no body.
  if (terms.method === "HEAD" || status === NO_CONTENT || status === NOT_MODIFIED) return "none";
  if (head.contentLength > terms.limitBytes) return "too_large";
  if (terms.mustBuffer) return "collect";
  if (head.isEventStream || head.contentLength > terms.streamAboveBytes) return "stream";
  return head.contentLength === LENGTH_UNKNOWN ? "hold" : "collect";
}
