/** Targets, balance, reload and TLS: which server gets a request, over what connection. */
import { createServer as createHttp } from "node:http";
import { createServer as createHttps, type ServerOptions } from "node:https";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createDevelopmentCa, type DevelopmentCa } from "../../test/support/certificates.ts";
import { contextOf, routeOf } from "../../test/support/context.ts";
import { Secret } from "../config/secrets/secret.ts";
import { upstreamsSchema } from "./config.ts";
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
import { createUpstreams, type UpstreamTools } from "./pools.ts";

afterEach(stopAll);

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
const post = () => contextOf({ body: "{}" });

/** An upstream that counts its connections and requests and names itself. */
async function startCounted(name: string) {
  const counted = { url: "", connections: 0, requests: 0 };
  const server = createHttp((request, response) => {
    counted.requests++;
    request.resume().on("end", () => response.end(name));
  });
  server.on("connection", () => counted.connections++);
  counted.url = `http://127.0.0.1:${await start(server)}`;
  return counted;
}

describe("among several targets", () => {
  test("equals take turns, over kept connections", async () => {
    const targets = await Promise.all(["a", "b", "c"].map(startCounted));
    const upstreams = await openUpstreams({ targets: targets.map(({ url }) => url) });
    for (let i = 0; i < 30; i++) await send(upstreams, post()).forwarded;
    expect(targets.map(({ requests }) => requests)).toEqual([10, 10, 10]);
    expect(targets.map(({ connections }) => connections)).toEqual([1, 1, 1]);
  });

  test("the one with fewer running requests gets the next", async () => {
    let slowRequests = 0;
    const slow = await startRaw(() => slowRequests++);
    const quick = await startCounted("quick");
    const upstreams = await openUpstreams({ targets: [slow, quick.url] });
    const held = send(upstreams, post());
    for (let i = 0; i < 9; i++)
      expect(await seen(send(upstreams, post()).forwarded)).toBe("200 quick");
    expect(slowRequests).toBe(1);
    held.callerLeaves();
    await untilIdle(upstreams);
  });

  test("weights share the running requests", async () => {
    const [light, heavy] = [await startRaw(() => {}), await startRaw(() => {})];
    const upstreams = await openUpstreams({ targets: [light, { url: heavy, weight: 3 }] });
    const calls = Array.from({ length: 40 }, () => send(upstreams, post()));
    expect(upstreams.snapshot()[0]?.targets.map(({ inFlight }) => inFlight)).toEqual([10, 30]);
    for (const call of calls) call.callerLeaves();
    await untilIdle(upstreams);
  });

  test("a dead one is passed over for a while instead of attracting every request", async () => {
    const dead = `http://127.0.0.1:${await start(createHttp())}`;
    await stopAll();
    const alive = await startCounted("alive");
    const upstreams = await openUpstreams({ targets: [dead, alive.url] });
    const outcomes: string[] = [];
    for (let i = 0; i < 20; i++) outcomes.push(await seen(send(upstreams, post()).forwarded));
    expect(outcomes.filter((outcome) => outcome === "upstream.unreachable")).toHaveLength(1);
    expect(upstreams.snapshot()[0]?.targets.map(({ isResting }) => isResting)).toEqual([
      true,
      false,
    ]);
  });

  test("when all are dead they are still tried", async () => {
    const dead = `http://127.0.0.1:${await start(createHttp())}`;
    await stopAll();
    const upstreams = await openUpstreams({ targets: [dead] });
    for (let i = 0; i < 3; i++)
      expect(await seen(send(upstreams, post()).forwarded)).toBe("upstream.unreachable");
    await untilIdle(upstreams);
  });
});

test("a request is never sent twice: a kept connection that dies under it is a 502", async () => {
  let requests = 0;
  const url = await startRaw((socket) => {
    requests++;
    if (requests % 2 === 1) socket.write(`${OK}1`);
    else socket.resetAndDestroy();
  });
  const upstreams = await openUpstreams({ targets: [url], connections: 1 });
  for (const method of ["POST", "GET", "PUT"]) {
    requests = 0;
    const context = () => contextOf({ method, body: method === "GET" ? "" : "{}" });
    expect(await seen(send(upstreams, context()).forwarded)).toBe("200 1");
    expect(await seen(send(upstreams, context()).forwarded)).toBe("upstream.connection_lost");
    expect(requests).toBe(2);
  }
});

describe("a route", () => {
  test("that names no upstream of the configuration is an error at load", async () => {
    const upstreams = await openUpstreams({ targets: ["http://127.0.0.1:9"] });
    expect(() => upstreams.bind(routeOf({ upstream: "nowhere" }))).toThrow("no upstream nowhere");
    expect(() => upstreams.bind(routeOf({ upstream: undefined }))).toThrow("no upstream");
  });

  test("that was never bound is forwarded nowhere", async () => {
    const upstreams = await openUpstreams({ targets: ["http://127.0.0.1:9"] });
    const context = post();
    const options = {
      body: context.body,
      mustBuffer: false,
      responseLimitBytes: 1,
      onCallerGone: () => {},
    };
    expect(await seen(upstreams.forward(context, options))).toBe("gateway.invariant_broken");
  });
});

describe("a reload", () => {
  const secretTools = (text: string): Partial<UpstreamTools> => ({
    readSecret: () => Promise.resolve(Secret.fromText(text)),
  });
  const withKey = (url: string) => ({
    targets: [url],
    credential: { header: "x-api-key", secret: "env:KEY" },
  });

  test("keeps the connections of an upstream that did not change", async () => {
    const target = await startCounted("a");
    const old = await openUpstreams(withKey(target.url), secretTools("one"));
    await send(old, post()).forwarded;
    const renewed = await openUpstreams(withKey(target.url), {
      ...secretTools("one"),
      previous: old,
    });
    await old.close();
    // A connection is used again a turn of the event loop after its last answer.
    await nextTurn();
    expect(await seen(send(renewed, post()).forwarded)).toBe("200 a");
    expect(target.connections).toBe(1);
  });

  test.each([
    { name: "a setting", change: { timeout: "29s" }, secret: "one" },
    { name: "only the content of a secret", change: {}, secret: "two" },
  ])("opens new connections when $name changed, and closes the old", async ({ change, secret }) => {
    const target = await startCounted("a");
    const old = await openUpstreams(withKey(target.url), secretTools("one"));
    await send(old, post()).forwarded;
    const renewed = await openUpstreams(
      { ...withKey(target.url), ...change },
      { ...secretTools(secret), previous: old },
    );
    expect(await seen(send(renewed, post()).forwarded)).toBe("200 a");
    await old.close();
    expect(target.connections).toBe(2);
    expect(old.snapshot()[0]?.targets[0]?.openConnections).toBe(0);
  });

  test("lets the calls of the old one end first", async () => {
    let answer = (): void => {};
    const url = await startRaw((socket) => {
      answer = () => socket.write(`${OK}1`);
    });
    const old = await openUpstreams({ targets: [url] });
    const call = send(old, post());
    let isClosed = false;
    const closing = old.close().then(() => {
      isClosed = true;
    });
    await until(() => old.snapshot()[0]?.targets[0]?.openConnections === 1, "connected");
    expect(isClosed).toBe(false);
    answer();
    expect(await seen(call.forwarded)).toBe("200 1");
    await closing;
  });
});

describe("https", () => {
  let ca: DevelopmentCa;
  let strangers: DevelopmentCa;
  const files = new Map<string, string>();
  const tools: Partial<UpstreamTools> = {
    readFile: ({ path }) => Promise.resolve(Buffer.from(files.get(path) ?? "")),
    readSecret: (reference) =>
      Promise.resolve(
        Secret.fromText(files.get(reference.kind === "file" ? reference.path : "") ?? ""),
      ),
  };

  beforeAll(async () => {
    [ca, strangers] = await Promise.all([createDevelopmentCa(), createDevelopmentCa("Strangers")]);
    const gateway = await ca.issue({ commonName: "gateway", usage: "caller" });
    files.set("ca.crt", ca.certificatePem);
    files.set("strangers.crt", strangers.certificatePem);
    files.set("gateway.crt", gateway.certificatePem);
    files.set("gateway.key", gateway.keyPem);
    files.set("empty.crt", "nothing here\n");
    files.set("torn.crt", ca.certificatePem.replace(/\nMII/, "\nAAA"));
  });

  async function startTls(
    options: ServerOptions = {},
    names: { dnsNames?: string[]; ipAddresses?: string[] } = {},
  ) {
    const issued = await ca.issue({
      commonName: "model",
      usage: "server",
      ...(Object.keys(names).length > 0 ? names : { ipAddresses: ["127.0.0.1"] }),
    });
    const server = createHttps(
      { cert: issued.certificatePem, key: issued.keyPem, ...options },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        const certificate = socket.getPeerCertificate();
        request.resume();
        response.end(`${String(certificate.subject?.CN)} sni=${String(socket.servername)}`);
      },
    );
    return `https://127.0.0.1:${await start(server)}`;
  }

  test("to a target signed by the pinned authority", async () => {
    const upstreams = await openUpstreams(
      { targets: [await startTls()], tls: { ca: "file:ca.crt" } },
      tools,
    );
    expect(await seen(send(upstreams, post()).forwarded)).toBe("200 undefined sni=false");
  });

  test.each([
    {
      name: "by no authority of the platform",
      tls: undefined,
      cause: /DEPTH_ZERO|UNABLE_TO|SELF_SIGNED/,
    },
    {
      name: "by another authority than the pinned",
      tls: { ca: "file:strangers.crt" },
      cause: /UNABLE_TO|SELF_SIGNED/,
    },
  ])("to a target signed $name is refused", async ({ tls, cause }) => {
    const upstreams = await openUpstreams(
      { targets: [await startTls()], ...(tls && { tls }) },
      tools,
    );
    const forwarded = await send(upstreams, post()).forwarded;
    expect(forwarded).toMatchObject({ rejection: { code: "upstream.unreachable" } });
    expect(forwarded.kind === "rejected" && forwarded.rejection.cause).toMatch(cause);
    await untilIdle(upstreams);
  });

  test("to a target with another name is refused, with `serverName` accepted", async () => {
    const url = await startTls({}, { dnsNames: ["model.internal"] });
    const pinned = { targets: [url], tls: { ca: "file:ca.crt" } };
    const refusing = await openUpstreams(pinned, tools);
    expect(await seen(send(refusing, post()).forwarded)).toBe("upstream.unreachable");
    await untilIdle(refusing);
    const named = await openUpstreams(
      { ...pinned, tls: { ...pinned.tls, serverName: "model.internal" } },
      tools,
    );
    expect(await seen(send(named, post()).forwarded)).toBe("200 undefined sni=model.internal");
  });

  test("with the gateway's certificate where the target asks for one", async () => {
    const url = await startTls({
      requestCert: true,
      rejectUnauthorized: true,
      ca: ca.certificatePem,
    });
    const bare = await openUpstreams({ targets: [url], tls: { ca: "file:ca.crt" } }, tools);
    expect(await seen(send(bare, post()).forwarded)).toMatch(
      /^upstream\.(connection_lost|unreachable)$/,
    );
    await untilIdle(bare);
    const tls = { ca: "file:ca.crt", certificate: "file:gateway.crt", key: "file:gateway.key" };
    const mutual = await openUpstreams({ targets: [url], tls }, tools);
    expect(await seen(send(mutual, post()).forwarded)).toBe("200 gateway sni=false");
  });

  test("to a target that speaks only TLS 1.1 is refused", async () => {
    const url = await startTls({
      minVersion: "TLSv1.1",
      maxVersion: "TLSv1.1",
      ciphers: "ALL:@SECLEVEL=0",
    });
    const upstreams = await openUpstreams({ targets: [url], tls: { ca: "file:ca.crt" } }, tools);
    expect(await seen(send(upstreams, post()).forwarded)).toBe("upstream.unreachable");
    await untilIdle(upstreams);
  });

  test.each([
    {
      name: "authorities without a certificate",
      tls: { ca: "file:empty.crt" },
      error: "no PEM certificate",
    },
    { name: "an authority that is torn", tls: { ca: "file:torn.crt" }, error: "cannot be read" },
    {
      name: "a key that is none",
      tls: { certificate: "file:gateway.crt", key: "file:empty.crt" },
      error: "upstream churn-v2",
    },
  ])("with $name is an error at load", async ({ tls, error }) => {
    const config = upstreamsSchema.parse({ "churn-v2": { targets: ["https://127.0.0.1:9"], tls } });
    await expect(createUpstreams(config, tools as UpstreamTools)).rejects.toThrow(error);
  });
});

test("a credential of the gateway's own goes with every request, and in no error", async () => {
  let wire = "";
  const url = await startRaw((socket, request) => {
    wire = request;
    socket.write(`${OK}1`);
  });
  const input = { targets: [url], credential: { prefix: "Bearer ", secret: "env:KEY" } };
  const readSecret = (text: string) => ({
    readSecret: () => Promise.resolve(Secret.fromText(text)),
  });
  const upstreams = await openUpstreams(input, readSecret("s3cret\n"));
  const context = contextOf({ body: "{}", headers: { authorization: "Bearer callers" } });
  expect(await seen(send(upstreams, context).forwarded)).toBe("200 1");
  expect(wire.match(/^authorization: .*$/gm)).toEqual(["authorization: Bearer s3cret"]);
  await expect(openUpstreams(input, readSecret("s3\r\ncret"))).rejects.toThrow(
    /cannot stand in a header$/,
  );
});
