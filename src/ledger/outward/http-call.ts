/**
 * One HTTP request to a place the operator named, and its answer. It never follows a redirect, never waits without an
 * end and never holds more of an answer than it was told to.
 */
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { OutwardError } from "./outward-error.ts";

export interface HttpCall {
  readonly method: "GET" | "HEAD" | "PUT" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream needs its `content-length` among the headers. */
  readonly body?: Buffer | Readable;
  /** Longest time without a byte in either direction. */
  readonly idleLimitMs: number;
  /** Longest time for all of it. */
  readonly limitMs: number;
  /** Longest answer held. Ignored with `consume`. */
  readonly limitBytes: number;
  /** Takes the body of a 200 piece by piece instead of holding it. */
  readonly consume?: (chunk: Buffer) => void;
  /** Certificates of authorities (PEM) that may vouch for the server, instead of the system's. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Throws `outward.unreachable`, `outward.timeout` or `outward.too_long`; any status is an answer. */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const limit = AbortSignal.timeout(call.limitMs);
  try {
    return await send(call, AbortSignal.any([call.signal, limit]));
  } catch (error) {
    if (error instanceof OutwardError) throw error;
    if (limit.aborted) throw timeoutOf(call, `all of it takes longer than ${call.limitMs} ms`);
    const cause = error instanceof Error ? error.message : String(error);
    throw new OutwardError(
      "outward.unreachable",
      `${call.method} ${whereOf(call.url)} failed: ${cause}`,
      { cause: error },
    );
  }
}

function send(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
  const start = call.url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = start(
      call.url,
      {
        method: call.method,
        headers: call.headers,
        signal,
        // Calls are minutes apart: a connection kept that long is as often dead as alive.
        agent: false,
        ...(call.ca !== undefined && { ca: call.ca }),
      },
      (response) => {
        readAnswer(call, response).then(resolve, reject);
      },
    );
    request.setTimeout(call.idleLimitMs, () => {
      request.destroy(timeoutOf(call, `nothing moves for ${call.idleLimitMs} ms`));
    });
    // A server that answers before it has read everything resets the connection: then the answer has settled this.
    request.on("error", reject);
    if (call.body === undefined || Buffer.isBuffer(call.body)) request.end(call.body);
    else pipeline(call.body, request).catch(reject);
  });
}

async function readAnswer(call: HttpCall, response: IncomingMessage): Promise<HttpAnswer> {
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (status === 200 && call.consume) {
      call.consume(chunk);
      continue;
    }
    length += chunk.length;
    if (length > call.limitBytes) {
      response.destroy();
      throw new OutwardError(
        "outward.too_long",
        `the answer of ${whereOf(call.url)} is longer than ${call.limitBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return { status, headers: response.headers, body: Buffer.concat(chunks) };
}

const timeoutOf = (call: HttpCall, why: string): OutwardError =>
  new OutwardError("outward.timeout", `${call.method} ${whereOf(call.url)} was given up: ${why}`);

/** Without what may stand in a query or before the host. */
const whereOf = (url: URL): string => `${url.origin}${url.pathname}`;
