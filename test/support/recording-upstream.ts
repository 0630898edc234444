/** A real HTTP server in a model's place: it keeps everything that reaches it, and answers as a test tells it to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** One request, as it arrived. */
export interface Received {
  readonly method: string;
  /** The request target as it stood in the request line. */
  readonly target: string;
  /** Flat name and value, names in the case received. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Every value of one field, name in any case. */
  readonly all: (name: string) => string[];
}

/** Answers one request; called when its body has arrived whole. */
export type Answering = (request: Received, response: ServerResponse) => void | Promise<void>;

export interface RecordingUpstream {
  readonly origin: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** Connections opened so far. */
  readonly connections: number;
  /** Until changed: 200 and `{"probability":0.42}`. */
  answer(answering: Answering): void;
  /** Back to the first answer, with nothing received. */
  reset(): void;
  close(): Promise<void>;
}

export interface UpstreamTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert?: boolean;
}

export const PREDICTION = '{"probability":0.42}';

/** Answers JSON (text as it stands) with status 200 unless said otherwise. */
export function answerJson(
  json: string | object,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Answering {
  const text = typeof json === "string" ? json : JSON.stringify(json);
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(text);
  };
}

export async function startRecordingUpstream(
  options: { readonly tls?: UpstreamTls; readonly port?: number } = {},
): Promise<RecordingUpstream> {
  const received: Received[] = [];
  let connections = 0;
  let answering = answerJson(PREDICTION);
  const listen = (message: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A request that was cut off is not a received one, and its caller is gone.
    message.on("error", () => response.destroy());
    message.on("end", () => {
      const request = toReceived(message, Buffer.concat(chunks));
      received.push(request);
      void answering(request, response);
    });
  };
  const server: Server = options.tls ? createTlsServer(options.tls, listen) : createServer(listen);
  server.on("connection", () => connections++);
  await new Promise<void>((done) => server.listen(options.port ?? 0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    received,
    get connections() {
      return connections;
    },
    answer: (next) => {
      answering = next;
    },
    reset: () => {
      answering = answerJson(PREDICTION);
      received.length = 0;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function toReceived(message: IncomingMessage, body: Buffer): Received {
  const headers = message.rawHeaders;
  return {
    method: message.method ?? "",
    target: message.url ?? "",
    headers,
    body,
    all: (name) =>
      headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name.toLowerCase()),
  };
}
