/** Deadlines, callers that leave, and full queues: every way a call can end without an answer. */
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { contextOf } from "../../test/support/context.ts";
import {
  openUpstreams,
  seen,
  send,
  start,
  startRaw,
  stopAll,
  until,
  untilIdle,
} from "./forwarding.test-support.ts";

afterEach(stopAll);

const OK = "HTTP/1.1 200 OK\r\n";
/** How much later than its deadline a call may end on a busy machine. */
const LATE_MS = 400;
const post = () => contextOf({ body: "{}" });

/** A port where nothing listens any more. */
async function deadTarget(): Promise<string> {
  const server = createServer({ pauseOnConnect: true });
  const port = await start(server);
  server.close();
  return `http://127.0.0.1:${port}`;
}

describe("a call ends in time when", () => {
  test.each([
    {
      name: "the head does not come",
      config: { timeout: "5s", headerTimeout: "150ms" },
      script: () => {},
      sees: "upstream.timeout",
    },
    {
      name: "only half a head comes",
      config: { timeout: "150ms" },
      script: (socket: Socket) => socket.write(`${OK}Content-`),
      sees: "upstream.timeout",
    },
    {
      name: "informational answers come instead of the head",
      config: { timeout: "5s", headerTimeout: "150ms" },
      script: (socket: Socket) => {
        const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 20);
        socket.on("close", () => clearInterval(timer));
      },
      sees: "upstream.timeout",
    },
    {
      name: "the body does not end",
      config: { timeout: "150ms" },
      script: (socket: Socket) => socket.write(`${OK}Content-Length: 9\r\n\r\nhi`),
      sees: "upstream.timeout",
    },
    {
      name: "the body drips, one byte at a time",
      config: { timeout: "150ms" },
      script: (socket: Socket) => {
        socket.write(`${OK}Content-Length: 1000\r\n\r\n`);
        const timer = setInterval(() => socket.write("x"), 10);
        socket.on("close", () => clearInterval(timer));
      },
      sees: "upstream.timeout",
    },
  ])("$name", async ({ config, script, sees }) => {
    let closed = 0;
    const url = await startRaw((socket) => {
      socket.on("close", () => closed++);
      script(socket);
    });
    const upstreams = await openUpstreams({ targets: [url], connectTimeout: "100ms", ...config });
    const startedMs = performance.now();
    const forwarded = await send(upstreams, post()).forwarded;
    const tookMs = performance.now() - startedMs;
    expect(forwarded).toMatchObject({ kind: "rejected", rejection: { code: sees, status: 504 } });
    expect(tookMs).toBeGreaterThanOrEqual(149);
    expect(tookMs).toBeLessThan(150 + LATE_MS);
    await until(() => closed === 1, "the connection to the upstream is closed");
    await untilIdle(upstreams);
  });

  test("the TLS handshake does not end: 504 upstream.connect_timeout", async () => {
    const port = await start(createServer());
    const upstreams = await openUpstreams({
      targets: [`https://127.0.0.1:${port}`],
      connectTimeout: "150ms",
    });
    const startedMs = performance.now();
    expect(await seen(send(upstreams, post()).forwarded)).toBe("upstream.connect_timeout");
    expect(performance.now() - startedMs).toBeLessThan(150 + LATE_MS);
    await untilIdle(upstreams);
  });

  test("nothing listens: 502 upstream.unreachable at once", async () => {
    const upstreams = await openUpstreams({ targets: [await deadTarget()] });
    const forwarded = await send(upstreams, post()).forwarded;
    expect(forwarded).toMatchObject({ rejection: { code: "upstream.unreachable", status: 502 } });
    // The address is for the operator's log only.
    expect(JSON.stringify(forwarded)).toContain("ECONNREFUSED");
    expect(forwarded.kind === "rejected" && forwarded.rejection.message).not.toMatch(/127|ECONN/);
    await untilIdle(upstreams);
  });
});

describe("a caller that leaves", () => {
  test("while the upstream works: the upstream's connection is closed", async () => {
    let isClosed = false;
    let isAsked = false;
    const url = await startRaw((socket) => {
      isAsked = true;
      socket.on("close", () => {
        isClosed = true;
      });
    });
    const upstreams = await openUpstreams({ targets: [url] });
    const call = send(upstreams, post());
    await until(() => isAsked, "the upstream has the request");
    call.callerLeaves();
    expect(await seen(call.forwarded)).toBe("listener.caller_gone");
    expect(await call.forwarded).toMatchObject({ wasSent: true });
    await until(() => isClosed, "the upstream's connection is closed");
    await untilIdle(upstreams);
  });

  test("before the connection is there: nothing is ever sent, and the connection serves the next", async () => {
    const requests: string[] = [];
    const url = await startRaw((socket, request) => {
      requests.push(request.slice(0, request.indexOf(" HTTP")));
      socket.write(`${OK}Content-Length: 0\r\n\r\n`);
    });
    const upstreams = await openUpstreams({ targets: [url], connections: 1 });
    const first = send(upstreams, contextOf({ path: "/gone", body: "{}" }));
    first.callerLeaves();
    expect(await seen(first.forwarded)).toBe("listener.caller_gone");
    expect(await first.forwarded).toMatchObject({ wasSent: false });
    expect(await seen(send(upstreams, contextOf({ path: "/kept", body: "{}" })).forwarded)).toBe(
      "200",
    );
    expect(requests).toEqual(["POST /kept"]);
    await untilIdle(upstreams);
  });

  test("from the queue: the place is free at once", async () => {
    const url = await startRaw(() => {});
    const upstreams = await openUpstreams({ targets: [url], connections: 1, queue: 1 });
    const running = send(upstreams, post());
    const waiting = send(upstreams, post());
    expect(upstreams.snapshot()[0]).toMatchObject({ inFlight: 1, waiting: 1 });
    waiting.callerLeaves();
    expect(await seen(waiting.forwarded)).toBe("listener.caller_gone");
    expect(await waiting.forwarded).toMatchObject({ wasSent: false });
    expect(upstreams.snapshot()[0]).toMatchObject({ inFlight: 1, waiting: 0 });
    running.callerLeaves();
    await untilIdle(upstreams);
  });

  test("after the answer was given: nothing happens", async () => {
    const url = await startRaw((socket) => socket.write(`${OK}Content-Length: 0\r\n\r\n`));
    const upstreams = await openUpstreams({ targets: [url], connections: 1 });
    const call = send(upstreams, post());
    expect(await seen(call.forwarded)).toBe("200");
    call.callerLeaves();
    await sleep(20);
    expect(upstreams.snapshot()[0]?.targets[0]).toMatchObject({ openConnections: 1, inFlight: 0 });
  });
});

describe("a busy upstream", () => {
  test("makes calls wait in order, and refuses with 503 above the queue", async () => {
    const sockets: Socket[] = [];
    const url = await startRaw((socket, request) => {
      sockets.push(socket);
      if (!request.includes("/0")) socket.write(`${OK}Content-Length: 0\r\n\r\n`);
    });
    const upstreams = await openUpstreams({ targets: [url], connections: 1, queue: 2 });
    const done: string[] = [];
    const calls = ["/0", "/1", "/2", "/3"].map(async (path) => {
      const outcome = await seen(send(upstreams, contextOf({ path, body: "{}" })).forwarded);
      done.push(`${path} ${outcome}`);
    });
    await until(() => sockets.length === 1, "the first call is sent");
    sockets[0]?.write(`${OK}Content-Length: 0\r\n\r\n`);
    await Promise.all(calls);
    expect(done).toEqual(["/3 upstream.saturated", "/0 200", "/1 200", "/2 200"]);
    await untilIdle(upstreams);
  });

  test("that frees no connection in time is 503, for nothing was sent", async () => {
    const url = await startRaw(() => {});
    const upstreams = await openUpstreams({
      targets: [url],
      connections: 1,
      timeout: "200ms",
      connectTimeout: "200ms",
    });
    const first = send(upstreams, post());
    await sleep(50);
    const second = send(upstreams, post());
    expect(await seen(first.forwarded)).toBe("upstream.timeout");
    // The connection came free; the second was sent with what was left of its own time.
    expect(await seen(second.forwarded)).toMatch(/^upstream\.(timeout|connect_timeout|saturated)$/);
    await untilIdle(upstreams);
  });

  test("a flood of leaving and staying callers leaves every gauge at zero", async () => {
    const url = await startRaw((socket) => {
      setTimeout(() => socket.write(`${OK}Content-Length: 2\r\n\r\nhi`), Math.random() * 5);
    });
    const upstreams = await openUpstreams({ targets: [url], connections: 8, queue: 1000 });
    const outcomes = await Promise.all(
      Array.from({ length: 600 }, async (_, i) => {
        const call = send(upstreams, post());
        if (i % 3 === 0) setTimeout(() => call.callerLeaves(), Math.random() * 60);
        return await seen(call.forwarded);
      }),
    );
    expect(new Set(outcomes)).toEqual(new Set(["200 hi", "listener.caller_gone"]));
    expect(outcomes.filter((outcome) => outcome === "200 hi").length).toBeGreaterThanOrEqual(400);
    await untilIdle(upstreams);
    expect(upstreams.snapshot()[0]?.targets[0]?.openConnections).toBeLessThanOrEqual(8);
  });
});
