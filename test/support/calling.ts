/** Calls as a caller makes them, over HTTP/1.1 or HTTP/2, one connection each; it follows nothing and repairs nothing. */
import { request as requestPlain, type IncomingHttpHeaders } from "node:http";
import { connect, type ClientHttp2Session } from "node:http2";
import { request as requestTls } from "node:https";

/** How a caller reaches the gateway. */
export type Transport = "http/1.1" | "https/1.1" | "h2";

export interface CallRequest {
  /** Default POST. */
  readonly method?: string;
  /** As it goes on the wire. */
  readonly path: string;
  /** A list repeats the field. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

export interface CallTarget {
  readonly origin: string;
  readonly transport: Transport;
  /** PEM of the authority that the listener's certificate is checked against. */
  readonly ca?: string;
  /** A caller certificate. */
  readonly cert?: string;
  readonly key?: string;
}

/** What a refusal says; any other body is just members. */
export interface AnsweredJson {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: { readonly reason: string; readonly violations?: readonly unknown[] };
    readonly request_id: string;
  };
  readonly [member: string]: unknown;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; typed as the refusal it usually is. */
  json(): AnsweredJson;
  readonly requestId: string;
}

export function call(target: CallTarget, request: CallRequest): Promise<Answer> {
  return target.transport === "h2" ? callHttp2(target, request) : callHttp1(target, request);
}

function callHttp1(
  target: CallTarget,
  { method = "POST", path, headers, body }: CallRequest,
): Promise<Answer> {
  const { hostname, port } = new URL(target.origin);
  const { ca, cert, key } = target;
  const send = target.transport === "https/1.1" ? requestTls : requestPlain;
  return new Promise((done, fail) => {
    const sending = send(
      {
        host: hostname,
        port,
        method,
        path,
        headers: { ...(headers as Record<string, string | string[]>) },
        agent: false,
        // Node would take the name to verify from the Host field, which some tests make invalid.
        servername: "localhost",
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert, key }),
      },
      (message) => {
        const chunks: Buffer[] = [];
        message.on("data", (chunk: Buffer) => chunks.push(chunk));
        message.on("error", fail);
        message.on("end", () =>
          done(toAnswer(message.statusCode ?? 0, message.headers, Buffer.concat(chunks))),
        );
      },
    );
    sending.on("error", fail);
    sending.end(body);
  });
}

function callHttp2(
  target: CallTarget,
  { method = "POST", path, headers, body }: CallRequest,
): Promise<Answer> {
  const session = openHttp2(target);
  return new Promise<Answer>((done, fail) => {
    session.on("error", fail);
    const { host, ...fields } = headers ?? {};
    const stream = session.request(
      {
        ":method": method,
        ":path": path,
        ...(typeof host === "string" && { ":authority": host }),
        ...(fields as Record<string, string | string[]>),
      },
      { endStream: body === undefined },
    );
    const chunks: Buffer[] = [];
    let status = 0;
    let answered: IncomingHttpHeaders = {};
    stream.on("response", ({ ":status": code, ...rest }) => {
      status = code ?? 0;
      answered = rest;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A refusal before the body was read may end the stream under the caller's pen.
    stream.on("error", (error) => status === 0 && fail(error));
    stream.on("close", () => done(toAnswer(status, answered, Buffer.concat(chunks))));
    if (body !== undefined) stream.end(body);
  }).finally(() => session.destroy());
}

export function openHttp2({ origin, ca, cert, key }: CallTarget): ClientHttp2Session {
  return connect(origin, {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
  });
}

function toAnswer(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  const text = body.toString("utf8");
  return {
    status,
    headers,
    body,
    text,
    json: () => JSON.parse(text) as AnsweredJson,
    requestId: String(headers["x-request-id"] ?? ""),
  };
}
