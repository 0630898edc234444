import { connect, type Socket } from "node:net";
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
