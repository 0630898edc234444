import {
  connect as h2connect,
  constants,
  type ClientHttp2Session,
  type OutgoingHttpHeaders,
} from "node:http2";
import { Readable } from "node:stream";
import { connect as tlsConnect, type TLSSocket } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  createDevelopmentCa,
  type DevelopmentCa,
  type IssuedCertificate,
} from "../../test/support/certificates.ts";
import {
  refusal,
  startRecording,
  type RecordingServer,
} from "../../test/support/recording-server.ts";
import { DATA, frame, headersFrame, resetFrame, SETTINGS } from "../../test/support/raw-http2.ts";
import type { ServerLimits } from "./config.ts";

let ca: DevelopmentCa;
let issued: IssuedCertificate;
let running: RecordingServer;
let abused = 0;
const sessions: ClientHttp2Session[] = [];
const sockets: TLSSocket[] = [];

beforeAll(async () => {
  ca = await createDevelopmentCa();
  issued = await ca.issue({ commonName: "gateway", dnsNames: ["localhost"], usage: "server" });
});

async function start(limits: Partial<ServerLimits> = {}): Promise<void> {
  abused = 0;
  running = await startRecording({
    tls: {
      certificate: Buffer.from(issued.certificatePem),
      key: Buffer.from(issued.keyPem),
      minVersion: "TLSv1.2",
      callers: { mode: "none" },
    },
    limits: { bodyTimeout: 400, ...limits },
    observer: { streamsAbused: () => abused++ },
  });
}
beforeEach(() => start());
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  await running.server.close();
});

function open(): ClientHttp2Session {
  const session = h2connect(`https://localhost:${running.port}`, { ca: ca.certificatePem });
  session.on("error", () => undefined);
  sessions.push(session);
  return session;
}

async function openRaw(): Promise<TLSSocket> {
  const socket = tlsConnect({
    port: running.port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: ca.certificatePem,
    ALPNProtocols: ["h2"],
  });
  socket.on("error", () => undefined).resume();
  sockets.push(socket);
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  socket.write(
    Buffer.concat([
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      frame(SETTINGS, 0, 0, Buffer.alloc(0)),
    ]),
  );
  return socket;
}

interface Reply {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly resetCode: number | undefined;
}

function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string,
): Promise<Reply> {
  return new Promise((resolve) => {
    const stream = session.request(
      { ":path": "/a", ...headers },
      { endStream: body === undefined },
    );
    let received: Record<string, unknown> = {};
    let text = "";
    stream.on("response", (fields) => (received = fields));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        status: received[":status"] as number | undefined,
        headers: received,
        body: text,
        resetCode: stream.rstCode,
      }),
    );
    if (body !== undefined) stream.end(body);
  });
}

describe("requests", () => {
  test("are read as over HTTP/1.1", async () => {
    const reply = await ask(
      open(),
      {
        ":method": "POST",
        ":path": "/%61?b=c",
        "x-b": "1",
        cookie: ["a=1", "b=2"],
        "content-length": 5,
      },
      "hello",
    );
    expect(reply).toMatchObject({ status: 200, body: "got 5" });
    expect(reply.headers["content-length"]).toBe("5");
    expect(reply.headers["date"]).toBeDefined();
    const [first] = running.handler.recorded;
    expect(first?.body.toString()).toBe("hello");
    expect(first?.request).toMatchObject({
      httpVersion: "2",
      method: "POST",
      authority: `localhost:${running.port}`,
      isSecure: true,
      url: { path: "/a", query: "b=c" },
      contentLength: 5,
      peer: { address: "127.0.0.1", tls: { version: "TLSv1.3" } },
    });
    expect(first?.request.headers.get("cookie")).toBe("a=1; b=2");
    expect(first?.request.headers.get("host")).toBe(`localhost:${running.port}`);
    expect(first?.request.headers.fields.some((field) => field.startsWith(":"))).toBe(false);
  });

  test("many at once on one connection", async () => {
    running.handler.before = async () => {
      await sleep(30);
      return undefined;
    };
    const session = open();
    const replies = await Promise.all(Array.from({ length: 50 }, () => ask(session)));
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    expect(running.server.state().connections).toBe(1);
  });

  test("without a body and without a length", async () => {
    await ask(open(), { ":method": "GET" });
    await ask(open(), { ":method": "POST" }, "");
    expect(running.handler.recorded.map(({ request }) => request.contentLength)).toEqual([
      0,
      undefined,
    ]);
  });

  test.each<[string, OutgoingHttpHeaders, number, string]>([
    ["a dot segment", { ":path": "/a/../b" }, 400, "listener.invalid_url"],
    ["asterisk-form", { ":path": "*", ":method": "OPTIONS" }, 400, "listener.invalid_url"],
    ["another scheme", { ":scheme": "http" }, 400, "listener.invalid_url"],
    ["a long target", { ":path": `/${"a".repeat(8192)}` }, 414, "listener.url_too_long"],
    [
      "Host and :authority that differ",
      { ":authority": "localhost", host: "other" },
      400,
      "listener.invalid_host",
    ],
    ["a bad :authority", { ":authority": "a b" }, 400, "listener.invalid_host"],
    [
      "user information in :authority",
      { ":authority": "a@localhost" },
      400,
      "listener.invalid_host",
    ],
    ["TRACE", { ":method": "TRACE" }, 405, "listener.method_refused"],
    ["an underscore that shadows", { x_forwarded_for: "10.0.0.1" }, 400, "listener.invalid_header"],
    ["long fields", { "x-long": "x".repeat(17_000) }, 431, "listener.headers_too_large"],
    [
      "many fields",
      Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "1"])),
      431,
      "listener.headers_too_large",
    ],
    ["an unknown expectation", { expect: "200-ok" }, 400, "listener.expectation_refused"],
  ])("refused: %s", async (_, headers, status, code) => {
    const reply = await ask(open(), headers);
    expect(running.handler.recorded).toHaveLength(0);
    if (reply.status === undefined) {
      // nghttp2 itself took it for a protocol error: nothing reached us.
      expect(reply.resetCode).not.toBe(0);
      expect(running.handler.codes).toEqual([]);
      return;
    }
    expect(reply.status).toBe(status);
    expect(running.handler.codes).toEqual([code]);
  });
});

describe("bodies", () => {
  test.each([
    ["a declared length past the limit", { "content-length": 50 }, "x".repeat(50)],
    ["no length and too much", {}, "x".repeat(50)],
  ])("413: %s", async (_, headers, body) => {
    running.handler.bodyLimitBytes = 20;
    const session = open();
    expect(await ask(session, { ":method": "POST", ...headers }, body)).toMatchObject({
      status: 413,
    });
    expect(await ask(session)).toMatchObject({ status: 200 });
  });

  test("a body that stops is refused, and its stream ends without harm to others", async () => {
    const session = open();
    const stream = session.request({ ":path": "/a", ":method": "POST" }, { endStream: false });
    stream.write("hel");
    const status = await new Promise((resolve) => {
      stream.on("response", (headers) => resolve(headers[":status"]));
    });
    expect(status).toBe(408);
    expect(await ask(session)).toMatchObject({ status: 200 });
  });

  test.each([constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR])(
    "a stream broken off in its body, code %i, is not a whole body",
    async (code) => {
      const wire = await openRaw();
      wire.write(
        Buffer.concat([headersFrame(1, { isEnd: false }), frame(DATA, 0, 1, Buffer.from("hel"))]),
      );
      await sleep(100);
      wire.write(resetFrame(1, code));
      await expect.poll(() => running.handler.codes).toEqual(["listener.body_incomplete"]);
      expect(running.handler.recorded).toHaveLength(0);
    },
  );

  test("an unread body after a refusal leaves the connection usable", async () => {
    running.handler.before = ({ request }) =>
      request.method === "POST" ? refusal("identity.credentials_missing", request) : undefined;
    const session = open();
    expect(await ask(session, { ":method": "POST" }, "x".repeat(200_000))).toMatchObject({
      status: 401,
    });
    expect(await ask(session)).toMatchObject({ status: 200 });
    expect(abused).toBe(0);
  });
});

describe("answers", () => {
  test("HEAD, repeated fields, and nothing of HTTP/1.1's connections", async () => {
    running.handler.answer = () => ({
      status: 200,
      headers: [
        "connection",
        "close",
        "transfer-encoding",
        "chunked",
        "keep-alive",
        "x",
        "set-cookie",
        "a=1",
        "set-cookie",
        "b=2",
        "vary",
        "a",
        "vary",
        "b",
        "content-length",
        "7",
      ],
      body: Buffer.from("content"),
    });
    const reply = await ask(open(), { ":method": "HEAD" });
    expect(reply).toMatchObject({ status: 200, body: "" });
    expect(reply.headers).toMatchObject({ "set-cookie": ["a=1", "b=2"], vary: "a, b" });
    expect(reply.headers).not.toHaveProperty("connection");
    expect(reply.headers).not.toHaveProperty("transfer-encoding");
  });

  test("a large one arrives whole", async () => {
    const body = Buffer.alloc(3_000_000, "x");
    let sent: unknown;
    running.handler.handle = async (exchange) => {
      sent = await exchange.send({ status: 200, headers: [], body });
    };
    expect((await ask(open())).body.length).toBe(3_000_000);
    expect(sent).toEqual({ bytesOut: 3_000_000, isComplete: true });
  });

  test("a stream that breaks does not look complete", async () => {
    const body = new Readable({ read: () => undefined });
    running.handler.answer = () => ({ status: 200, headers: [], body });
    const replying = ask(open());
    body.push("hello");
    await sleep(50);
    body.destroy(new Error("upstream"));
    expect((await replying).resetCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  test("a caller that goes away is noticed, and the upstream's stream ends", async () => {
    const body = new Readable({ read: () => undefined });
    let gone: boolean | undefined;
    let told = 0;
    running.handler.handle = async (exchange) => {
      exchange.onCallerGone(() => told++);
      await exchange.send({ status: 200, headers: [], body });
      gone = exchange.isCallerGone;
    };
    const stream = open().request({ ":path": "/a" });
    stream.on("error", () => undefined);
    await new Promise((resolve) => stream.once("response", resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => gone).toBe(true);
    expect(told).toBe(1);
    expect(body.destroyed).toBe(true);
  });
});

test("a drain lets running streams finish and says so by GOAWAY", async () => {
  running.handler.before = async () => {
    await sleep(200);
    return undefined;
  };
  const session = open();
  let goaway = false;
  session.on("goaway", () => (goaway = true));
  const asking = Promise.all(Array.from({ length: 20 }, () => ask(session)));
  await expect.poll(() => running.server.state().running).toBe(20);
  const drained = await running.server.drain(5000);
  expect((await asking).every(({ status }) => status === 200)).toBe(true);
  expect(goaway).toBe(true);
  expect(drained).toEqual({ cutConnections: 0 });
});

describe("abuse", () => {
  test("rapid resets start no more work than there may be streams, and end the connection", async () => {
    await running.server.close();
    await start({ concurrentStreams: 10, streamResets: { count: 50, perMs: 10_000 } });
    let started = 0;
    running.handler.handle = async (exchange) => {
      started++;
      await sleep(300);
      await exchange.send({ status: 200, headers: [], body: Buffer.alloc(0) });
    };
    const wire = await openRaw();
    let isClosed = false;
    wire.on("close", () => (isClosed = true));
    const flood = Array.from({ length: 2000 }, (_, i) => [
      headersFrame(2 * i + 1, { isEnd: true }),
      resetFrame(2 * i + 1, constants.NGHTTP2_CANCEL),
    ]);
    wire.write(Buffer.concat(flood.flat()));
    await expect.poll(() => isClosed, { timeout: 3000 }).toBe(true);
    expect(started).toBeLessThanOrEqual(10);
    expect(abused).toBe(1);
  });

  test("more streams than allowed wait or are refused, never run", async () => {
    await running.server.close();
    await start({ concurrentStreams: 5 });
    let most = 0;
    running.handler.before = async () => {
      most = Math.max(most, running.server.state().running);
      await sleep(20);
      return undefined;
    };
    const session = open();
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const replies = await Promise.all(Array.from({ length: 30 }, () => ask(session)));
    expect(most).toBeLessThanOrEqual(5);
    expect(replies.every(({ status }) => status === 200)).toBe(true);
  });

  test("a connection past its number of requests is closed in good order", async () => {
    await running.server.close();
    await start({ requestsPerConnection: 3 });
    const session = open();
    let goaway = false;
    session.on("goaway", () => (goaway = true));
    for (let i = 0; i < 3; i++) expect(await ask(session)).toMatchObject({ status: 200 });
    await expect.poll(() => goaway).toBe(true);
    await expect.poll(() => session.destroyed, { timeout: 5000 }).toBe(true);
  });
});
