/** Bodies that are passed on as they come, in both directions, with bounded memory. */
import { createServer, type ServerResponse } from "node:http";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { contextOf } from "../../test/support/context.ts";
import { BodyRejected } from "../pipeline/exchange.ts";
import type { Forwarded } from "../pipeline/forward.ts";
import { rejection } from "../pipeline/rejection.ts";
import {
  openUpstreams,
  seen,
  send,
  start,
  startRaw,
  stopAll,
  until,
  untilIdle,
  whole,
} from "./forwarding.test-support.ts";

afterEach(stopAll);

const OK = "HTTP/1.1 200 OK\r\n";
const KIB = 1024;
const MIB = 1024 * KIB;
const post = () => contextOf({ body: "{}" });

async function startHttp(
  answer: (response: ServerResponse, body: Buffer) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(response, Buffer.concat(chunks)));
  });
  return `http://127.0.0.1:${await start(server)}`;
}

function responseOf(forwarded: Forwarded) {
  if (forwarded.kind === "rejected") throw new Error(`rejected: ${forwarded.rejection.code}`);
  return forwarded.response;
}

function streamOf(forwarded: Forwarded): Readable {
  const { body } = responseOf(forwarded);
  if (Buffer.isBuffer(body)) throw new Error("not a stream");
  return body;
}

describe("an answer", () => {
  const bytes = (size: number) => Buffer.alloc(size, "x");
  const withLength = (size: number) => (response: ServerResponse) =>
    response.writeHead(200, { "content-length": size }).end(bytes(size));
  const withoutLength = (size: number) => (response: ServerResponse) => {
    response.write(bytes(size));
    response.end();
  };

  test.each([
    { name: "an event stream that stages watch", type: "text/event-stream", may: true },
    { name: "an event stream that one must see whole", type: "text/event-stream", may: false },
    { name: "anything else", type: "application/json", may: true },
  ])("$name, next to a stage that judges answers: streamed $may", async ({ type, may }) => {
    const origin = await startHttp((response) => {
      response.writeHead(200, { "content-type": type }).end("data: 1\n\n");
    });
    const upstreams = await openUpstreams({ targets: [origin] });
    const terms = { mustBuffer: true, mayStreamEvents: may };
    const { body } = responseOf(await send(upstreams, post(), terms).forwarded);
    expect(Buffer.isBuffer(body)).toBe(!(may && type === "text/event-stream"));
    expect(String(await whole(body))).toBe("data: 1\n\n");
  });

  test.each([
    {
      name: "of a declared length at the threshold",
      answer: withLength(64 * KIB),
      size: 64 * KIB,
      isStream: false,
    },
    {
      name: "of a declared length above it",
      answer: withLength(64 * KIB + 1),
      size: 64 * KIB + 1,
      isStream: true,
    },
    {
      name: "of no declared length that ends at once",
      answer: withoutLength(10 * KIB),
      size: 10 * KIB,
      isStream: false,
    },
    {
      name: "of no declared length, but long",
      answer: withoutLength(MIB),
      size: MIB,
      isStream: true,
    },
    {
      name: "above the threshold that a stage must see",
      answer: withLength(MIB),
      size: MIB,
      isStream: false,
      mustBuffer: true,
    },
    {
      name: "of no declared length that a stage must see",
      answer: withoutLength(MIB),
      size: MIB,
      isStream: false,
      mustBuffer: true,
    },
  ])("$name: streamed $isStream", async ({ answer, size, isStream, mustBuffer = false }) => {
    const upstreams = await openUpstreams({ targets: [await startHttp(answer)] });
    const { body, headers } = responseOf(await send(upstreams, post(), { mustBuffer }).forwarded);
    expect(Buffer.isBuffer(body)).toBe(!isStream);
    const at = headers.indexOf("content-length");
    if (!isStream) expect(at).toBe(-1);
    else if (at >= 0) expect(headers[at + 1]).toBe(String(size));
    expect((await whole(body)).equals(bytes(size))).toBe(true);
    await untilIdle(upstreams);
  });

  test.each([
    {
      name: "a declared length above what a stage may hold",
      answer: withLength(2 * MIB),
      mustBuffer: true,
      limit: "1GiB",
    },
    {
      name: "more bytes than a stage may hold",
      answer: withoutLength(2 * MIB),
      mustBuffer: true,
      limit: "1GiB",
    },
    {
      name: "a declared length above the upstream's limit",
      answer: withLength(2 * MIB),
      mustBuffer: false,
      limit: "1MiB",
    },
  ])("with $name is 502", async ({ answer, mustBuffer, limit }) => {
    const upstreams = await openUpstreams({
      targets: [await startHttp(answer)],
      responseLimit: limit,
    });
    const { forwarded } = send(upstreams, post(), { mustBuffer });
    expect(await seen(forwarded)).toBe("contract.response_too_large");
    await untilIdle(upstreams);
  });

  test("that streams past the upstream's limit is cut off", async () => {
    const url = await startHttp(withoutLength(2 * MIB));
    const upstreams = await openUpstreams({ targets: [url], responseLimit: "1MiB" });
    const stream = streamOf(await send(upstreams, post()).forwarded);
    await expect(whole(stream)).rejects.toThrow();
    await untilIdle(upstreams);
  });
});

describe("an event stream", () => {
  test("is passed on event by event, from its head on", async () => {
    let upstream: ServerResponse | undefined;
    const url = await startHttp((response) => {
      upstream = response;
      response
        .writeHead(200, { "content-type": "Text/Event-Stream; charset=utf-8" })
        .flushHeaders();
    });
    const upstreams = await openUpstreams({ targets: [url] });
    const events = streamOf(await send(upstreams, post()).forwarded)[Symbol.asyncIterator]();
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      upstream?.write(event);
      expect(String((await events.next()).value)).toBe(event);
    }
    upstream?.end();
    expect((await events.next()).done).toBe(true);
    await untilIdle(upstreams);
  });

  test("outlives the total deadline, but not a silence", async () => {
    let events = 0;
    const url = await startHttp((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      const timer = setInterval(() => {
        response.write(`data: ${++events}\n\n`);
        if (events === 10) clearInterval(timer);
      }, 40);
    });
    const upstreams = await openUpstreams({
      targets: [url],
      timeout: "200ms",
      connectTimeout: "200ms",
      idleTimeout: "250ms",
    });
    const stream = streamOf(await send(upstreams, post()).forwarded);
    const startedMs = performance.now();
    await expect(whole(stream)).rejects.toThrow("fell silent");
    expect(events).toBe(10);
    expect(performance.now() - startedMs).toBeGreaterThan(600);
    await untilIdle(upstreams);
  });

  test("ends the upstream's call when its reader leaves", async () => {
    let isClosed = false;
    const url = await startHttp((response) => {
      response.on("close", () => {
        isClosed = true;
      });
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    });
    const upstreams = await openUpstreams({ targets: [url] });
    streamOf(await send(upstreams, post()).forwarded).destroy();
    await until(() => isClosed, "the upstream is told");
    await untilIdle(upstreams);
  });

  test("is broken off when the caller leaves", async () => {
    const url = await startHttp((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    });
    const upstreams = await openUpstreams({ targets: [url] });
    const call = send(upstreams, post());
    const stream = streamOf(await call.forwarded);
    call.callerLeaves();
    expect(stream.destroyed).toBe(true);
    await untilIdle(upstreams);
  });

  test("that breaks in its first bytes does not end the process, and its reader learns of it", async () => {
    const url = await startRaw((socket) => {
      socket.end(
        `${OK}Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      );
    });
    const upstreams = await openUpstreams({ targets: [url] });
    const stream = streamOf(await send(upstreams, post()).forwarded);
    await sleep(20);
    await expect(whole(stream)).rejects.toThrow();
    await untilIdle(upstreams);
  });
});

test("an answer of unknown length that trickles becomes a stream soon", async () => {
  const url = await startHttp((response) => {
    response.write("one");
    setTimeout(() => response.end("two"), 300);
  });
  const upstreams = await openUpstreams({ targets: [url] });
  const startedMs = performance.now();
  const stream = streamOf(await send(upstreams, post()).forwarded);
  expect(performance.now() - startedMs).toBeLessThan(280);
  expect((await whole(stream)).toString()).toBe("onetwo");
  await untilIdle(upstreams);
});

test("a slow reader of 200 MB holds back the upstream, and memory stays flat", async () => {
  const SIZE = 200 * 1000 * 1000;
  const chunk = Buffer.alloc(64 * KIB, "x");
  let sent = 0;
  const url = await startHttp((response) => {
    response.writeHead(200, { "content-length": SIZE });
    const source = new Readable({
      read() {
        const rest = SIZE - sent;
        sent += Math.min(rest, chunk.length);
        this.push(rest === 0 ? null : chunk.subarray(0, rest));
      },
    });
    source.pipe(response);
  });
  const upstreams = await openUpstreams({
    targets: [url],
    timeout: "300ms",
    connectTimeout: "300ms",
    // Long enough for a busy machine to go on within it.
    idleTimeout: "2s",
  });
  const stream = streamOf(await send(upstreams, post()).forwarded);
  // Unread for longer than every deadline: the slow side is the reader, so that the upstream is not blamed.
  await sleep(2_300);
  expect(stream.readableLength).toBeLessThanOrEqual(256 * KIB);
  // What the kernel's socket buffers hold, and no more.
  expect(sent).toBeLessThan(20 * MIB);
  let received = 0;
  let mostHeld = 0;
  for await (const part of stream) {
    received += (part as Buffer).length;
    mostHeld = Math.max(mostHeld, sent - received);
    if (received % (8 * MIB) < 64 * KIB) await sleep(1);
  }
  expect(received).toBe(SIZE);
  expect(mostHeld).toBeLessThan(20 * MIB);
  await untilIdle(upstreams);
});

describe("a streamed request body", () => {
  const streamed = (contentLength?: number) =>
    contextOf({ contentLength, route: { bodyMode: "stream" } });
  const echo = () => startHttp((response, body) => response.end(body));

  test.each([
    { name: "with its length", contentLength: 6, header: "content-length: 6" },
    { name: "in chunks", contentLength: undefined, header: "transfer-encoding: chunked" },
  ])("goes upstream $name", async ({ contentLength, header }) => {
    let head = "";
    const url = await startRaw((socket, request) => {
      head += request;
      if (head.includes("def")) socket.write(`${OK}Content-Length: 2\r\n\r\nhi`);
    });
    const upstreams = await openUpstreams({ targets: [url] });
    const { forwarded } = send(upstreams, streamed(contentLength), {
      body: Readable.from([Buffer.from("abc"), Buffer.from("def")]),
    });
    expect(await seen(forwarded)).toBe("200 hi");
    expect(head.toLowerCase()).toContain(header);
    await untilIdle(upstreams);
  });

  test("may take longer than the upstream's deadline: it is the caller's time", async () => {
    const url = await startHttp((response, body) => setTimeout(() => response.end(body), 100));
    const upstreams = await openUpstreams({
      targets: [url],
      timeout: "200ms",
      connectTimeout: "200ms",
    });
    const body = new PassThrough();
    const { forwarded } = send(upstreams, streamed(), { body });
    for (let i = 0; i < 4; i++) {
      body.write("x");
      await sleep(80);
    }
    body.end();
    expect(await seen(forwarded)).toBe("200 xxxx");
    await untilIdle(upstreams);
  });

  test.each([
    {
      name: "refused on the way",
      error: new BodyRejected(rejection("contract.body_too_large")),
      sees: "contract.body_too_large",
    },
    { name: "cut off", error: new Error("gone"), sees: "listener.body_incomplete" },
  ])("that is $name ends the upstream's call", async ({ error, sees }) => {
    let isClosed = false;
    let isAsked = false;
    const url = await startRaw((socket) => {
      isAsked = true;
      socket.on("close", () => {
        isClosed = true;
      });
    });
    const upstreams = await openUpstreams({ targets: [url] });
    const body = new PassThrough();
    const { forwarded } = send(upstreams, streamed(), { body });
    body.write("x");
    await until(() => isAsked, "the upstream has the first bytes");
    body.destroy(error);
    expect(await seen(forwarded)).toBe(sees);
    await until(() => isClosed, "the upstream's connection is closed");
    await untilIdle(upstreams);
  });

  test("that breaks while it waits in the queue does not end the process", async () => {
    const upstreams = await openUpstreams({ targets: [await startRaw(() => {})], connections: 1 });
    const first = send(upstreams, post());
    const body = new PassThrough();
    const second = send(upstreams, streamed(), { body });
    body.destroy(new Error("gone"));
    expect(await seen(second.forwarded)).toBe("listener.body_incomplete");
    first.callerLeaves();
    await untilIdle(upstreams);
  });

  test("of another length than declared never looks whole to the upstream", async () => {
    const upstreams = await openUpstreams({
      targets: [await echo()],
      timeout: "1s",
      connectTimeout: "1s",
    });
    for (const text of ["abc", "abcdefghi"]) {
      const { forwarded } = send(upstreams, streamed(6), {
        body: Readable.from([Buffer.from(text)]),
      });
      expect(await seen(forwarded)).toBe("listener.body_incomplete");
    }
    await untilIdle(upstreams);
  });
});
