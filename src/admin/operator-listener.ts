/**
 * The operator's door: liveness, readiness, metrics and the ledger on an address of its own. It never shares a listener
 * with callers and answers nothing but its pages; it must never say more about a failure of the gateway than its name.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { LedgerPages } from "./ledger-pages.ts";
import { isLoopback } from "./loopback.ts";
import { jsonAnswer, type OperatorAnswer } from "./operator-answer.ts";
import { OPERATOR_BODY_BYTES, type OperatorRequest } from "./operator-request.ts";

export interface OperatorListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?:
    | { readonly certificate: Buffer; readonly key: Buffer; readonly callersCa?: Buffer }
    | undefined;
  /** Answers nobody but this machine, whatever address it listens on. */
  readonly isLocalOnly?: boolean;
  /** Names of what is not ready; empty when all is. */
  readonly notReady: () => readonly string[] | Promise<readonly string[]>;
  /** Names of what is away while it serves without; told where there is any. */
  readonly degraded?: () => readonly string[] | Promise<readonly string[]>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** What is under `/ledger`; undefined when no ledger is kept. */
  readonly ledger?: LedgerPages | undefined;
  /** The pages that take writes; each answers undefined for what is not its own. */
  readonly pages?: readonly OperatorPages[];
}

/** Pages with a path of their own; undefined for every other path. */
export type OperatorPages = (
  request: OperatorRequest,
) => OperatorAnswer | undefined | Promise<OperatorAnswer | undefined>;

export interface OperatorListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Ten seconds: nothing here is slow, and a caller that drips its request must not hold a socket. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;
/** A reader that takes nothing for half a minute is gone; its answer, up to some MiB, is dropped with it. */
const IDLE_TIMEOUT_MS = 30_000;

/** Starts the listener; rejects when the address is taken. */
export async function startOperatorListener(
  options: OperatorListenerOptions,
): Promise<OperatorListener> {
  const pages = new Map<string, () => OperatorAnswer | Promise<OperatorAnswer>>([
    ["/livez", () => jsonAnswer(200, { status: "alive" })],
    [
      "/readyz",
      async () => {
        const notReady = await options.notReady();
        const degraded = (await options.degraded?.()) ?? [];
        return jsonAnswer(notReady.length === 0 ? 200 : 503, {
          status: notReady.length === 0 ? "ready" : "not ready",
          notReady,
          ...(degraded.length > 0 && { degraded }),
        });
      },
    ],
    ["/metrics", async () => ({ status: 200, ...(await options.metrics()) })],
  ]);
  const answerTo = async (incoming: IncomingMessage): Promise<OperatorAnswer> => {
    const url = incoming.url ?? "";
    const isRead = incoming.method === "GET" || incoming.method === "HEAD";
    const body = isRead ? Buffer.alloc(0) : await readBody(incoming);
    if (body === undefined) return jsonAnswer(413, { error: "body too large" });
    const request = requestOf(incoming, body);
    for (const page of options.pages ?? []) {
      const answer = await page(request);
      if (answer) return answer;
    }
    // Behind the pages: those that are for this machine alone say so in words of their own.
    if (options.isLocalOnly && !isLoopback(incoming.socket.remoteAddress ?? ""))
      return jsonAnswer(403, { error: "answered on the machine itself only" });
    if (!isRead) return jsonAnswer(405, { error: "GET only" });
    const answer = await (pages.get(url)?.() ?? ledgerAnswer(url, options.ledger));
    return answer ?? jsonAnswer(404, { error: "not found" });
  };
  const server = createFor(options, (request, response) => {
    answerTo(request).then(
      ({ status, contentType, text, allow = "GET, HEAD" }) => {
        response.writeHead(status, {
          "content-type": contentType,
          "content-length": Buffer.byteLength(text),
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          // RFC 9110 section 15.5.6: MUST say what is allowed.
          ...(status === 405 && { allow }),
          ...(status === 413 && { connection: "close" }),
        });
        response.end(text);
      },
      () => response.writeHead(500).end(),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.timeout = IDLE_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port, close: () => closeServer(server) };
}

/** Undefined for every other path, and when no ledger is kept. */
function ledgerAnswer(
  url: string,
  pages: LedgerPages | undefined,
): Promise<OperatorAnswer> | undefined {
  const [path = "", ...query] = url.split("?");
  if (path !== "/ledger" && !path.startsWith("/ledger/")) return undefined;
  return pages?.(path, query.join("?"));
}

function requestOf(incoming: IncomingMessage, body: Buffer): OperatorRequest {
  const [path = "", ...query] = (incoming.url ?? "").split("?");
  const { host, origin } = incoming.headers;
  const site = incoming.headers["sec-fetch-site"];
  return {
    method: incoming.method ?? "",
    path,
    query: new URLSearchParams(query.join("?")),
    body,
    peerAddress: incoming.socket.remoteAddress ?? "",
    headers: { host, origin, secFetchSite: typeof site === "string" ? site : undefined },
  };
}

/** Undefined when there is more than anyone here needs; the rest is not read. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop must not destroy the socket that the refusal goes out on.
  for await (const chunk of incoming.iterator({
    destroyOnReturn: false,
  }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > OPERATOR_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function createFor({ tls }: OperatorListenerOptions, listener: RequestListener): Server {
  if (!tls) return createHttpServer(listener);
  return createHttpsServer(
    {
      cert: tls.certificate,
      key: tls.key,
      minVersion: "TLSv1.3",
      ...(tls.callersCa && { ca: tls.callersCa, requestCert: true, rejectUnauthorized: true }),
    },
    listener,
  );
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
