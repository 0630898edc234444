/**
 * The operator's door: liveness, readiness and metrics on an address of its own. It never shares a listener with callers
 * and answers nothing but the table below; it must never say more about a failure than its name.
 */
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface OperatorListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?:
    | { readonly certificate: Buffer; readonly key: Buffer; readonly callersCa?: Buffer }
    | undefined;
  /** Names of what is not ready; empty when all is. */
  readonly notReady: () => readonly string[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface OperatorListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

interface OperatorAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Ten seconds: nothing here is slow, and a caller that drips its request must not hold a socket. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;

const json = (status: number, body: object): OperatorAnswer => ({
  status,
  contentType: "application/json",
  text: `${JSON.stringify(body)}\n`,
});

/** Starts the listener; rejects when the address is taken. */
export async function startOperatorListener(
  options: OperatorListenerOptions,
): Promise<OperatorListener> {
  const pages = new Map<string, () => OperatorAnswer | Promise<OperatorAnswer>>([
    ["/livez", () => json(200, { status: "alive" })],
    [
      "/readyz",
      () => {
        const notReady = options.notReady();
        return json(notReady.length === 0 ? 200 : 503, {
          status: notReady.length === 0 ? "ready" : "not ready",
          notReady,
        });
      },
    ],
    ["/metrics", async () => ({ status: 200, ...(await options.metrics()) })],
  ]);
  const server = createFor(options, (request, response) => {
    const page = pages.get(request.url ?? "");
    const isRead = request.method === "GET" || request.method === "HEAD";
    const answer = !page
      ? json(404, { error: "not found" })
      : !isRead
        ? json(405, { error: "GET only" })
        : page();
    Promise.resolve(answer).then(
      ({ status, contentType, text }) => {
        response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
        response.end(text);
      },
      () => response.writeHead(500).end(),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port, close: () => closeServer(server) };
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
