import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sendRaw, type RawReply } from "../../test/support/raw-http.ts";
import { startRecording, type RecordingServer } from "../../test/support/recording-server.ts";

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
