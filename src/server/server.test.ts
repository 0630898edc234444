import { Agent, request } from "node:http";
import { connect, createServer as createNetServer, type AddressInfo, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { sendRaw } from "../../test/support/raw-http.ts";
import {
  limitsWith,
  proxies,
  RecordingHandler,
  startRecording,
  type RecordingServer,
  type RecordingServerOptions,
} from "../../test/support/recording-server.ts";
import { addressGroup } from "./connection.ts";
import { createServer } from "./server.ts";

let running: RecordingServer;
const sockets: Socket[] = [];

async function start(options: RecordingServerOptions = {}): Promise<RecordingServer> {
  running = await startRecording(options);
  return running;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await running.server.close();
});

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

function open(port = running.port): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

interface Counts {
  answered: number;
  failed: string[];
}

/** Calls over kept-alive connections until told to stop. */
function load(port: number, connections: number): { counts: Counts; stop(): Promise<Counts> } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const counts: Counts = { answered: 0, failed: [] };
  const state = { isStopping: false };
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const calling = request(
        { port, host: "127.0.0.1", path: "/a", method: "POST", agent },
        (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => {
            if (response.statusCode === 200 && text.startsWith("got 5")) counts.answered++;
            else counts.failed.push(`${response.statusCode} ${text}`);
            resolve();
          });
        },
      );
      calling.on("error", (error) => {
        counts.failed.push(error.message);
        resolve();
      });
      calling.end("hello");
    });
  const worker = async (): Promise<void> => {
    while (!state.isStopping) await one();
  };
  const workers = Promise.all(Array.from({ length: connections }, worker));
  return {
    counts,
    async stop() {
      state.isStopping = true;
      await workers;
      agent.destroy();
      return counts;
    },
  };
}

describe("starting", () => {
  test("a port that is taken is explained, and nothing is left listening", async () => {
    await start();
    const taken = createNetServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const free = createNetServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => free.once("listening", resolve));
    const freePort = (free.address() as AddressInfo).port;
    await new Promise((resolve) => free.close(resolve));
    const server = createServer({
      listeners: [
        { name: "free", host: "127.0.0.1", port: freePort },
        { name: "taken", host: "127.0.0.1", port },
      ],
      limits: limitsWith(),
      trustedProxies: proxies(),
      handler: new RecordingHandler(),
    });
    await expect(server.start()).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program`,
    );
    expect(await sendRaw({ port: freePort, bytes: GET })).toMatchObject({
      text: "",
      isClosed: true,
    });
    taken.close();
  });
});

describe("limits on connections", () => {
  test.each<[string, RecordingServerOptions["limits"], string]>([
    ["in all", { connections: 3 }, "connections"],
    ["of one address", { connectionsPerAddress: 3 }, "connections_per_address"],
  ])("%s", async (_, limits, why) => {
    const refused: string[] = [];
    const { port, server, handler } = await start({
      limits: limits ?? {},
      observer: { connectionRefused: (__, reason) => refused.push(reason) },
    });
    for (let i = 0; i < 3; i++) open();
    await expect.poll(() => server.state().connections).toBe(3);
    const reply = await sendRaw({ port, bytes: GET });
    expect(reply).toMatchObject({ statuses: [503], isClosed: true });
    expect(reply.text).toMatch(/retry-after: 1\r\n/);
    expect(handler.codes).toEqual(["listener.overloaded"]);
    expect(refused).toEqual([why]);
    sockets.pop()?.destroy();
    await expect.poll(() => server.state().connections).toBe(2);
    expect((await sendRaw({ port, bytes: GET })).statuses).toEqual([200]);
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["2001:db8:1:2::", "2001:db8:1:2"],
  ])("%s counts as %s", (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  test("the requests of one connection", async () => {
    const { port } = await start({ limits: { requestsPerConnection: 3 } });
    const reply = await sendRaw({ port, bytes: GET.repeat(5) });
    expect(reply.statuses).toEqual([200, 200, 200]);
    expect(reply.isClosed).toBe(true);
  });

  test("the age of a connection", async () => {
    const { port } = await start({ limits: { connectionAge: 300 } });
    const socket = open(port);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write(GET);
    await expect.poll(() => text).toContain("200 OK");
    expect(text).not.toMatch(/connection: close/i);
    await sleep(310);
    text = "";
    socket.write(GET);
    await expect.poll(() => text).toMatch(/connection: close/i);
  });
});

describe("timeouts over plain HTTP", () => {
  test("a header section that comes in drops", async () => {
    const { port, handler } = await start({ limits: { headerTimeout: 400 } });
    const socket = open(port);
    const dripping = setInterval(() => socket.write("X-A: 1\r\n"), 50);
    const reply = await sendRaw({
      port,
      bytes: "GET /a HTTP/1.1\r\n",
      quietMs: 3000,
      open: () => socket,
    });
    clearInterval(dripping);
    expect(reply).toMatchObject({ statuses: [408], isClosed: true });
    expect(handler.codes).toEqual(["listener.request_timeout"]);
  });

  test("a body that comes in drops", async () => {
    const { port, handler } = await start({ limits: { bodyTimeout: 400 } });
    const socket = open(port);
    const dripping = setInterval(() => socket.write("x"), 50);
    const bytes = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    const reply = await sendRaw({ port, bytes, quietMs: 3000, open: () => socket });
    clearInterval(dripping);
    expect(reply).toMatchObject({ statuses: [408] });
    expect(handler.codes).toEqual(["listener.request_timeout"]);
  });

  test("a connection without a next request", async () => {
    const { port } = await start({ limits: { idleTimeout: 200 } });
    const reply = await sendRaw({ port, bytes: GET, quietMs: 4000 });
    expect(reply).toMatchObject({ statuses: [200], isClosed: true });
  });

  test.each<[string, () => Buffer | Readable]>([
    ["a large answer", () => Buffer.alloc(30_000_000)],
    [
      "an endless stream",
      () =>
        new Readable({
          read() {
            this.push(Buffer.alloc(65_536));
          },
        }),
    ],
  ])("a caller that does not read %s is cut", async (_, body) => {
    const { port, handler, server } = await start({ limits: { sendTimeout: 500 } });
    let sent: unknown;
    handler.handle = async (exchange) => {
      sent = await exchange.send({ status: 200, headers: [], body: body() });
      expect(exchange.isCallerGone).toBe(true);
    };
    const socket = open(port);
    socket.pause();
    socket.write(GET);
    await expect.poll(() => sent, { timeout: 5000 }).toMatchObject({ isComplete: false });
    await expect.poll(() => server.state().connections).toBe(0);
  });
});

describe("trusted proxies", () => {
  const bytes =
    "GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n";

  test("by default nobody is believed", async () => {
    const { port, handler } = await start();
    await sendRaw({ port, bytes });
    expect(handler.recorded[0]?.request).toMatchObject({
      callerAddress: "127.0.0.1",
      isSecure: false,
    });
    expect(handler.recorded[0]?.request.headers.get("x-forwarded-for")).toBeUndefined();
  });

  test("a trusted one is, and after a reload no longer", async () => {
    const { port, handler, server } = await start({ trusted: ["127.0.0.0/8"] });
    await sendRaw({ port, bytes });
    expect(handler.recorded[0]?.request).toMatchObject({
      callerAddress: "203.0.113.9",
      isSecure: true,
      peer: { address: "127.0.0.1" },
    });
    expect(handler.recorded[0]?.request.headers.get("x-forwarded-for")).toBe("203.0.113.9");
    await server.reload({
      listeners: [{ name: "test", host: "127.0.0.1", port: 0 }],
      limits: limitsWith(),
      trustedProxies: proxies(),
    });
    await sendRaw({ port, bytes });
    expect(handler.recorded[1]?.request.callerAddress).toBe("127.0.0.1");
  });

  test("a trusted one that talks nonsense is refused", async () => {
    const { port, handler } = await start({ trusted: ["127.0.0.0/8"] });
    const reply = await sendRaw({
      port,
      bytes: 'GET /a HTTP/1.1\r\nHost: a\r\nForwarded: for="x\r\n\r\n',
    });
    expect(reply.statuses).toEqual([400]);
    expect(handler.codes).toEqual(["listener.invalid_header"]);
  });
});

describe("under load", () => {
  test("200 reloads and handler swaps drop nothing", { timeout: 60_000 }, async () => {
    const { port, server, handler } = await start();
    const loading = load(port, 16);
    await sleep(100);
    for (let i = 0; i < 200; i++) {
      const next = new RecordingHandler();
      next.answer = handler.answer;
      server.swapHandler(next);
      await server.reload({
        listeners: [{ name: "test", host: "127.0.0.1", port: 0 }],
        limits: limitsWith({ headerCount: 100 + (i % 3) }),
        trustedProxies: proxies(),
      });
      await sleep(5);
    }
    const { answered, failed } = await loading.stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(500);
  });

  test("a listener can come and go", async () => {
    const { port, server } = await start();
    const two = [
      { name: "test", host: "127.0.0.1", port: 0 },
      { name: "second", host: "127.0.0.1", port: 0 },
    ];
    const rest = { limits: limitsWith(), trustedProxies: proxies() };
    const bound = await server.reload({ listeners: two, ...rest });
    expect(bound[0]?.port).toBe(port);
    const second = bound[1]?.port as number;
    expect((await sendRaw({ port: second, bytes: GET })).statuses).toEqual([200]);
    const kept = open(second);
    let text = "";
    kept.on("data", (chunk: Buffer) => (text += chunk.toString()));
    kept.write(GET);
    await expect.poll(() => text).toContain("200 OK");
    await server.reload({ listeners: two.slice(0, 1), ...rest });
    expect((await sendRaw({ port: second, bytes: GET })).statuses).toEqual([]);
    kept.write(GET);
    await expect.poll(() => text).toMatch(/connection: close/i);
    expect((await sendRaw({ port, bytes: GET })).statuses).toEqual([200]);
  });

  test("a drain answers everything that was asked, then refuses connections", async () => {
    const { port, server, handler } = await start();
    handler.before = async () => {
      await sleep(Math.random() * 30);
      return undefined;
    };
    const loading = load(port, 32);
    await sleep(300);
    const draining = server.drain(5000);
    // Callers that were told `Connection: close` and come back find nobody listening; nothing else may fail.
    const drained = await draining;
    const { answered, failed } = await loading.stop();
    expect(drained).toEqual({ cutConnections: 0 });
    expect(failed.filter((message) => !message.includes("ECONNREFUSED"))).toEqual([]);
    expect(answered).toBe(handler.recorded.length);
  });

  test("a drain cuts at its deadline what does not finish", async () => {
    const { port, server, handler } = await start();
    handler.before = () => new Promise(() => undefined);
    open(port).write(GET);
    await expect.poll(() => server.state().running).toBe(1);
    const startedMs = performance.now();
    expect(await server.drain(300)).toEqual({ cutConnections: 1 });
    expect(performance.now() - startedMs).toBeLessThan(1500);
  });

  test("a handler that breaks its promise leaves nobody waiting", async () => {
    const { port, handler } = await start();
    handler.handle = () => Promise.reject(new Error("bug"));
    expect(await sendRaw({ port, bytes: GET })).toMatchObject({ text: "", isClosed: true });
    handler.handle = () => {
      throw new Error("bug");
    };
    expect(await sendRaw({ port, bytes: GET })).toMatchObject({ text: "", isClosed: true });
    expect(running.server.state().running).toBe(0);
  });
});
