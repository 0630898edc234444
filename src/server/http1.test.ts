import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sendRaw, type RawReply } from "../../test/support/raw-http.ts";
import {
  refusal,
  startRecording,
  type RecordingServer,
} from "../../test/support/recording-server.ts";

let running: RecordingServer;
const opened: Socket[] = [];

beforeEach(async () => {
  running = await startRecording({
    limits: { bodyTimeout: 400, headerTimeout: 500, idleTimeout: 1000 },
  });
});
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await running.server.close();
});

const send = (bytes: string, quietMs?: number): Promise<RawReply> =>
  sendRaw({ port: running.port, bytes, ...(quietMs !== undefined && { quietMs }) });
const get = (...lines: string[]): string =>
  ["GET /a HTTP/1.1", "Host: gateway.example", ...lines, "", ""].join("\r\n");
const post = (body: string, ...lines: string[]): string =>
  `${["POST /a HTTP/1.1", "Host: gateway.example", ...lines, "", ""].join("\r\n")}${body}`;

describe("heads that are refused", () => {
  const long = "x".repeat(20_000);
  test.each([
    ["no Host", "GET /a HTTP/1.1\r\n\r\n", 400, "listener.invalid_host"],
    ["no Host over HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", 400, "listener.invalid_host"],
    ["two Hosts", get("Host: gateway.example"), 400, "listener.invalid_host"],
    ["an empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400, "listener.invalid_host"],
    [
      "a Host with user information",
      "GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n",
      400,
      "listener.invalid_host",
    ],
    ["a Host with a path", "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "listener.invalid_host"],
    ["a list as Host", "GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "listener.invalid_host"],
    [
      "a Host with a port past the last",
      "GET /a HTTP/1.1\r\nHost: a:65536\r\n\r\n",
      400,
      "listener.invalid_host",
    ],
    [
      "a Host with a bad IPv6 address",
      "GET /a HTTP/1.1\r\nHost: [::1::]\r\n\r\n",
      400,
      "listener.invalid_host",
    ],
    ["a Host with two dots", "GET /a HTTP/1.1\r\nHost: a..b\r\n\r\n", 400, "listener.invalid_host"],
    [
      "absolute-form",
      "GET http://gateway.example/a HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
      400,
      "listener.invalid_url",
    ],
    [
      "asterisk-form",
      "OPTIONS * HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
      400,
      "listener.invalid_url",
    ],
    ["a dot segment", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "listener.invalid_url"],
    ["an encoded slash", "GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400, "listener.invalid_url"],
    ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "listener.invalid_url"],
    [
      "a long target",
      `GET /${"a".repeat(8192)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      414,
      "listener.url_too_long",
    ],
    ["long fields", get(`X-Long: ${long}`), 431, "listener.headers_too_large"],
    [
      "fields far too long for the parser",
      get(`X-Long: ${long}${long}`),
      431,
      "listener.headers_too_large",
    ],
    [
      "101 fields",
      get(...Array.from({ length: 100 }, (_, i) => `X-${i}: 1`)),
      431,
      "listener.headers_too_large",
    ],
    [
      "two equal Content-Lengths",
      post("a", "Content-Length: 1", "Content-Length: 1"),
      400,
      "listener.ambiguous_length",
    ],
    [
      "two Content-Lengths in one field",
      post("a", "Content-Length: 1, 1"),
      400,
      "listener.ambiguous_length",
    ],
    ["a signed Content-Length", post("a", "Content-Length: +1"), 400, "listener.ambiguous_length"],
    [
      "a hexadecimal Content-Length",
      post("a", "Content-Length: 0x1"),
      400,
      "listener.ambiguous_length",
    ],
    [
      "a Content-Length past every number",
      post("", "Content-Length: 99999999999999999999"),
      400,
      "listener.ambiguous_length",
    ],
    [
      "Content-Length with Transfer-Encoding",
      post("0\r\n\r\n", "Content-Length: 5", "Transfer-Encoding: chunked"),
      400,
      "listener.ambiguous_length",
    ],
    [
      "Transfer-Encoding over HTTP/1.0",
      "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      "listener.ambiguous_length",
    ],
    [
      "another coding before chunked",
      post("0\r\n\r\n", "Transfer-Encoding: gzip, chunked"),
      501,
      "listener.transfer_coding_refused",
    ],
    [
      "an empty list item before chunked",
      post("0\r\n\r\n", "Transfer-Encoding: ,chunked"),
      501,
      "listener.transfer_coding_refused",
    ],
    [
      "chunked twice",
      post("0\r\n\r\n", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
      400,
      "listener.ambiguous_length",
    ],
    ["identity", post("", "Transfer-Encoding: identity"), 501, "listener.transfer_coding_refused"],
    ["obs-fold", get("X-A: 1", " 2"), 400, "listener.invalid_header"],
    ["a bare LF in a value", get("X-A: 1\nX-B: 2"), 400, "listener.malformed_request"],
    ["a bare CR in a value", get("X-A: 1\rX-B: 2"), 400, "listener.malformed_request"],
    ["NUL in a value", get("X-A: 1\0"), 400, "listener.invalid_header"],
    ["a space before the colon", get("X-A : 1"), 400, "listener.invalid_header"],
    ["a name that is no token", get("X(A): 1"), 400, "listener.invalid_header"],
    [
      "an underscore that shadows a length",
      post("a", "Content_Length: 1"),
      400,
      "listener.invalid_header",
    ],
    [
      "an underscore that shadows a forwarding field",
      get("X_Forwarded_For: 10.0.0.1"),
      400,
      "listener.invalid_header",
    ],
    [
      "an underscore that shadows an unheard-of forwarding field",
      get("x-forwarded_tenant: a"),
      400,
      "listener.invalid_header",
    ],
    [
      "two credentials",
      get("Authorization: Bearer a", "authorization: Bearer b"),
      400,
      "listener.invalid_header",
    ],
    [
      "two content types",
      post("a", "Content-Length: 1", "Content-Type: a/b", "Content-Type: c/d"),
      400,
      "listener.invalid_header",
    ],
    [
      "Connection naming the credential",
      get("Authorization: Bearer a", "Connection: close, Authorization"),
      400,
      "listener.invalid_header",
    ],
    [
      "Connection naming the forwarding field",
      get("Connection: X-Forwarded-For"),
      400,
      "listener.invalid_header",
    ],
    ["an unknown expectation", get("Expect: 200-ok"), 400, "listener.expectation_refused"],
    [
      "an upgrade to websocket",
      get("Connection: Upgrade", "Upgrade: websocket"),
      400,
      "listener.upgrade_refused",
    ],
    ["TRACE", "TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n", 405, "listener.method_refused"],
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, "listener.method_refused"],
    ["a WebDAV method", "PROPFIND /a HTTP/1.1\r\nHost: a\r\n\r\n", 405, "listener.method_refused"],
    ["a made-up method", "FROB /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "listener.malformed_request"],
    ["HTTP/0.9", "GET /a\r\n\r\n", 400, "listener.malformed_request"],
    [
      "HTTP/2.0 in a request line",
      "GET /a HTTP/2.0\r\nHost: a\r\n\r\n",
      400,
      "listener.malformed_request",
    ],
    ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "listener.malformed_request"],
    [
      "a TLS hello",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      400,
      "listener.malformed_request",
    ],
  ])("%s", async (_, bytes, status, code) => {
    const reply = await send(bytes, 1500);
    expect(running.handler.recorded).toHaveLength(0);
    expect(reply.statuses).toEqual([status]);
    expect(reply.isClosed).toBe(true);
    expect(reply.text.toLowerCase()).toContain("connection: close");
    expect(reply.text).toContain(`"reason":"${code}"`);
    expect(running.handler.codes).toEqual([code]);
    if (status === 405) expect(reply.text).toMatch(/allow: GET, HEAD/i);
  });
});

describe("heads that are accepted", () => {
  test("what is passed on is end-to-end, lower case, and in order", async () => {
    await send(
      get(
        "X-B: 1",
        "Accept: a/b",
        "X-b: 2",
        "Connection: keep-alive, X-Hop",
        "X-Hop: secret",
        "Keep-Alive: 5",
        "TE: trailers",
        "Proxy-Connection: x",
        "Proxy-Authorization: Basic x",
        "X_Odd: 1",
        "X-Forwarded-For: 1.2.3.4",
        "Forwarded: for=1.2.3.4",
        "X-Real-IP: 1.2.3.4",
        "Cookie: a=1",
        "Cookie: b=2",
      ),
    );
    const [first] = running.handler.recorded;
    expect(first?.request.headers.fields).toEqual([
      "host",
      "gateway.example",
      "x-b",
      "1",
      "accept",
      "a/b",
      "x-b",
      "2",
      "cookie",
      "a=1",
      "cookie",
      "b=2",
    ]);
    expect(first?.request.headers.get("x-b")).toBe("1, 2");
    expect(first?.request.headers.get("cookie")).toBe("a=1; b=2");
    expect(first?.request.headers.get("x-none")).toBeUndefined();
    expect(first?.request.headers.get("__proto__")).toBeUndefined();
    expect(first?.request.callerAddress).toBe("127.0.0.1");
  });

  test.each([
    ["a name and port", "Gateway.Example:8443", "gateway.example:8443"],
    ["an IPv4 address", "127.0.0.1", "127.0.0.1"],
    ["an IPv6 address", "[::1]:443", "[::1]:443"],
    ["a name with an underscore", "my_gateway", "my_gateway"],
  ])("Host as %s", async (_, host, authority) => {
    const reply = await send(`GET /a?b=c HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(reply.statuses).toEqual([200]);
    expect(running.handler.recorded[0]?.request).toMatchObject({
      authority,
      httpVersion: "1.1",
      method: "GET",
      contentLength: 0,
      isSecure: false,
      listener: "test",
      url: { path: "/a", query: "b=c", target: "/a?b=c" },
    });
  });

  test("an upgrade to h2c is ignored and not passed on", async () => {
    const reply = await send(
      get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"),
    );
    expect(reply.statuses).toEqual([200]);
    expect(running.handler.recorded[0]?.request.headers.fields).toEqual([
      "host",
      "gateway.example",
    ]);
  });
});

describe("bodies", () => {
  test.each([
    ["with a length", post("hello", "Content-Length: 5"), 5, "hello"],
    [
      "in chunks",
      post("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "Transfer-Encoding: Chunked"),
      undefined,
      "hello",
    ],
    [
      "in chunks with trailers",
      post("5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "Transfer-Encoding: chunked"),
      undefined,
      "hello",
    ],
    ["of nothing", post("", "Content-Length: 0"), 0, ""],
    ["of a GET", get("Content-Length: 5").concat("hello"), 5, "hello"],
  ])("%s", async (_, bytes, contentLength, body) => {
    const reply = await send(bytes);
    expect(reply.statuses).toEqual([200]);
    expect(running.handler.recorded[0]?.request.contentLength).toBe(contentLength);
    expect(running.handler.recorded[0]?.body.toString()).toBe(body);
    expect(reply.isClosed).toBe(false);
  });

  test.each([
    [
      "a declared length past the limit",
      post("x".repeat(50), "Content-Length: 50"),
      413,
      "contract.body_too_large",
    ],
    [
      "chunks past the limit",
      post(`32\r\n${"x".repeat(50)}\r\n0\r\n\r\n`, "Transfer-Encoding: chunked"),
      413,
      "contract.body_too_large",
    ],
    [
      "a broken chunk size",
      post("5\r\nhello\r\nzz\r\n", "Transfer-Encoding: chunked"),
      400,
      "listener.malformed_request",
    ],
    ["a body that stops", post("hel", "Content-Length: 5"), 408, "listener.request_timeout"],
    [
      "chunks that stop",
      post("5\r\nhello\r\n", "Transfer-Encoding: chunked"),
      408,
      "listener.request_timeout",
    ],
  ])("%s", async (_, bytes, status, code) => {
    running.handler.bodyLimitBytes = 20;
    const reply = await send(bytes, 3500);
    expect(reply.statuses).toEqual([status]);
    expect(running.handler.codes).toEqual([code]);
    expect(running.handler.recorded).toHaveLength(0);
  });

  test("a caller that leaves in the middle of its body is a body that ended early", async () => {
    const socket = connect(running.port, "127.0.0.1");
    socket.write(post("hel", "Content-Length: 5"));
    await sleep(100);
    socket.destroy();
    await expect.poll(() => running.handler.codes).toEqual(["listener.body_incomplete"]);
  });

  test("100 Continue is said when the body is read, and not before", async () => {
    running.handler.before = async () => {
      await sleep(150);
      return undefined;
    };
    const socket = connect(running.port, "127.0.0.1");
    opened.push(socket);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write(post("", "Content-Length: 5", "Expect: 100-continue"));
    await sleep(75);
    expect(text).toBe("");
    await expect.poll(() => text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    socket.write("hello");
    await expect.poll(() => text).toContain("got 5");
  });

  test("a refusal before 100 Continue closes: nobody knows whether the body will come", async () => {
    running.handler.before = ({ request }) => refusal("identity.credentials_missing", request);
    const reply = await send(post("", "Content-Length: 5", "Expect: 100-continue"));
    expect(reply.statuses).toEqual([401]);
    expect(reply.text).not.toContain("100 Continue");
    expect(reply.isClosed).toBe(true);
  });

  test("a refusal with a small unread body keeps the connection, and the body is no request", async () => {
    running.handler.before = ({ request }) => refusal("identity.credentials_missing", request);
    const inner = get();
    const reply = await send(post(inner, `Content-Length: ${inner.length}`) + get());
    expect(reply.statuses).toEqual([401, 401]);
    expect(reply.isClosed).toBe(false);
  });

  test("a refusal with a large unread body reaches the caller, then the connection ends", async () => {
    running.handler.before = ({ request }) => refusal("identity.credentials_missing", request);
    const socket = connect(running.port, "127.0.0.1");
    opened.push(socket);
    let text = "";
    let isClosed = false;
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => (isClosed = true));
    socket.on("error", () => undefined);
    socket.write(post("x".repeat(300_000), "Content-Length: 400000"));
    await expect.poll(() => text).toContain("identity.credentials_missing");
    expect(text).toMatch(/connection: close/i);
    expect(isClosed).toBe(false);
    socket.write("x".repeat(100_000));
    await expect.poll(() => isClosed).toBe(true);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test("an unread chunked body after a refusal is never taken for a request", async () => {
    running.handler.before = ({ request }) => refusal("identity.credentials_missing", request);
    const reply = await send(post("5\r\nhello\r\n", "Transfer-Encoding: chunked") + get(), 3000);
    expect(reply.statuses).toEqual([401]);
    expect(reply.isClosed).toBe(true);
    expect(running.handler.recorded).toHaveLength(0);
  });
});

describe("answers", () => {
  test("hop-by-hop fields and foreign lengths are dropped, date and length are ours", async () => {
    running.handler.answer = () => ({
      status: 200,
      headers: [
        "content-type",
        "a/b",
        "transfer-encoding",
        "chunked",
        "connection",
        "close, x-hop",
        "x-hop",
        "1",
        "keep-alive",
        "x",
        "content-length",
        "99",
        "set-cookie",
        "a=1",
        "set-cookie",
        "b=2",
      ],
      body: Buffer.from("hello"),
    });
    const { text } = await send(get());
    expect(text).toMatch(/\r\ncontent-length: 5\r\n/i);
    expect(text).toMatch(/\r\ndate: /i);
    expect(text).toMatch(/set-cookie: a=1\r\nset-cookie: b=2/i);
    expect(text).not.toMatch(/transfer-encoding|x-hop|: 99/i);
    expect(text.endsWith("\r\n\r\nhello")).toBe(true);
  });

  test.each([
    ["HEAD", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", 200, /content-length: 7/i],
    ["204", get(), 204, /HTTP\/1\.1 204/],
    ["304", get(), 304, /HTTP\/1\.1 304/],
  ])("%s has no content", async (_, bytes, status, expected) => {
    running.handler.answer = () => ({
      status,
      headers: ["content-length", "7"],
      body: Buffer.from("content"),
    });
    const { text } = await send(bytes + get("X: second"));
    expect(text).toMatch(expected);
    expect(text.split("\r\n\r\n")[1]).toMatch(/^HTTP\/1\.1/);
    if (status === 204) expect(text).not.toMatch(/content-length|transfer-encoding/i);
  });

  test("a stream is passed on as it comes, its head before its first byte", async () => {
    const body = new Readable({ read: () => undefined });
    running.handler.answer = () => ({
      status: 200,
      headers: ["content-type", "text/event-stream"],
      body,
    });
    const socket = connect(running.port, "127.0.0.1");
    opened.push(socket);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write(get());
    await expect.poll(() => text).toContain("text/event-stream");
    body.push("data: 1\n\n");
    await expect.poll(() => text).toContain("data: 1");
    body.push(null);
    await expect.poll(() => text).toMatch(/0\r\n\r\n$/);
  });

  test.each([
    ["breaks", (body: Readable) => body.destroy(new Error("upstream"))],
    ["ends short of its length", (body: Readable) => body.push(null)],
    ["is longer than its length", (body: Readable) => body.push("way more than ten bytes")],
  ])("a stream that %s does not look complete", async (_, end) => {
    const body = new Readable({ read: () => undefined });
    let sent: unknown;
    running.handler.handle = async (exchange) => {
      sent = await exchange.send({ status: 200, headers: ["content-length", "10"], body });
      expect(exchange.isCallerGone).toBe(false);
    };
    const replying = send(get());
    body.push("hello");
    await sleep(30);
    end(body);
    const reply = await replying;
    expect(reply.isClosed).toBe(true);
    expect(reply.text.split("\r\n\r\n")[1]?.length).toBeLessThan(10);
    await expect.poll(() => sent).toMatchObject({ isComplete: false });
  });

  test("an answer that cannot be written is cut, not half sent", async () => {
    running.handler.answer = () => ({
      status: 200,
      headers: ["x", "a\r\nb: c"],
      body: Buffer.from("x"),
    });
    const reply = await send(get());
    expect(reply).toMatchObject({ text: "", isClosed: true });
  });

  test("over HTTP/1.0 a stream ends with the connection", async () => {
    running.handler.answer = () => ({
      status: 200,
      headers: [],
      body: Readable.from([Buffer.from("hello")]),
    });
    const reply = await send("GET /a HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(reply.text.endsWith("\r\n\r\nhello")).toBe(true);
    expect(reply.text).not.toMatch(/chunked/i);
    expect(reply.isClosed).toBe(true);
  });
});

describe("a caller that goes away", () => {
  test("is noticed while the answer is awaited, and the listener is told once", async () => {
    let told = 0;
    let wasGone: boolean | undefined;
    let sent: unknown;
    running.handler.handle = async (exchange) => {
      await exchange.readBody(100);
      await new Promise<void>((resolve) =>
        exchange.onCallerGone(() => {
          told++;
          resolve();
        }),
      );
      wasGone = exchange.isCallerGone;
      sent = await exchange.send({ status: 200, headers: [], body: Buffer.from("late") });
    };
    const socket = connect(running.port, "127.0.0.1");
    socket.write(post("hello", "Content-Length: 5"));
    await sleep(50);
    socket.destroy();
    await expect.poll(() => sent).toEqual({ bytesOut: 0, isComplete: false });
    expect(told).toBe(1);
    expect(wasGone).toBe(true);
  });

  test("in the middle of a stream ends the upstream's stream too", async () => {
    const body = new Readable({ read: () => undefined });
    let gone: boolean | undefined;
    running.handler.handle = async (exchange) => {
      await exchange.send({ status: 200, headers: [], body });
      gone = exchange.isCallerGone;
    };
    const socket = connect(running.port, "127.0.0.1");
    socket.write(get());
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await expect.poll(() => gone).toBe(true);
    expect(body.destroyed).toBe(true);
  });

  test("an answered request is not a caller gone, even when the connection then ends", async () => {
    let exchangeSeen: { isCallerGone: boolean } | undefined;
    let told = false;
    running.handler.handle = async (exchange) => {
      exchangeSeen = exchange;
      exchange.onCallerGone(() => (told = true));
      await exchange.send({ status: 200, headers: [], body: Buffer.from("x") });
    };
    await send(get("Connection: close"));
    await sleep(20);
    expect(exchangeSeen?.isCallerGone).toBe(false);
    expect(told).toBe(false);
  });
});

describe("several requests on one connection", () => {
  test("are handled one after the other, in order", async () => {
    let running_ = 0;
    let most = 0;
    running.handler.before = async () => {
      most = Math.max(most, ++running_);
      await sleep(20);
      running_--;
      return undefined;
    };
    const reply = await send(get("X: 1") + post("hello", "Content-Length: 5") + get("X: 3"));
    expect(reply.statuses).toEqual([200, 200, 200]);
    expect(most).toBe(1);
    expect(running.handler.recorded.map(({ request }) => request.method)).toEqual([
      "GET",
      "POST",
      "GET",
    ]);
  });

  test("end at the first that closes the connection: nothing behind it is handled", async () => {
    const bad = "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n";
    const reply = await send(bad + get() + get());
    expect(reply.statuses).toEqual([400]);
    expect(running.handler.recorded).toHaveLength(0);
  });

  test("garbage behind a request does not disturb its answer, and is reported", async () => {
    running.handler.before = async () => {
      await sleep(50);
      return undefined;
    };
    const reply = await send(`${get()}\x00garbage\r\n\r\n`, 1500);
    expect(reply.statuses).toEqual([200]);
    expect(reply.isClosed).toBe(true);
  });

  test("more than can wait in line ends the connection", async () => {
    running.handler.before = async () => {
      await sleep(1000);
      return undefined;
    };
    const reply = await send(get().repeat(200), 800);
    expect(reply.isClosed).toBe(true);
    expect(running.handler.recorded.length).toBeLessThanOrEqual(1);
  });
});
