import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sendRaw, type RawReply } from "../../test/support/raw-http.ts";
import { startRecording, type RecordingServer } from "../../test/support/recording-server.ts";

let running: RecordingServer;

beforeEach(async () => {
  running = await startRecording({
    limits: { bodyTimeout: 400, headerTimeout: 500, idleTimeout: 1000 },
  });
});
afterEach(async () => {
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
