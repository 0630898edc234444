/** Upstreams and key servers that are dead, slow, broken or gone: what callers are told, and what is recorded. */
import { once } from "node:events";
import { createServer as createHttpServer, request as httpRequest, type Server } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { PREDICTION } from "../support/recording-upstream.ts";
import { createTokenIssuer, ISSUER } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

const predict = (gateway: TestGateway) => ({
  path: "/churn/v2/predict",
  headers: gateway.allowed(),
  body: '{"instances":[1]}',
});

/** A server that answers whatever comes with these bytes, then hangs up. */
async function startGarbage(bytes: string): Promise<{ origin: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** A port of loopback on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("a bad upstream", () => {
  let gateway: TestGateway;
  let garbage: { origin: string; close(): void };
  beforeAll(async () => {
    garbage = await startGarbage("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    const dead = `http://127.0.0.1:${await freePort()}`;
    gateway = await startGateway({
      config: (upstream) => ({
        upstreams: {
          model: {
            targets: [upstream],
            timeout: "400ms",
            connectTimeout: "200ms",
            streamAbove: "1KiB",
          },
          patient: { targets: [upstream], timeout: "10s" },
          narrow: { targets: [upstream], timeout: "5s", connections: 1, queue: 1 },
          dead: { targets: [dead], timeout: "2s" },
          garbage: { targets: [garbage.origin], timeout: "2s" },
        },
        models: {
          dead: versionOf("dead"),
          garbage: versionOf("garbage"),
          narrow: versionOf("narrow"),
          patient: versionOf("patient"),
        },
      }),
    });
  });
  afterEach(() => gateway.check());
  afterAll(async () => {
    await gateway.close();
    garbage.close();
  });

  const versionOf = (upstream: string) => ({
    versions: { v1: { upstream, protocols: ["predict"] } },
  });
  const at = (model: string) => ({ ...predict(gateway), path: `/${model}/v1/predict` });

  test.each([
    ["is dead", "dead", "upstream.unreachable"],
    ["answers something else than HTTP", "garbage", "upstream.invalid_response"],
  ] as const)("that %s is 502", async (_name, model, code) => {
    const [status, family] = [502, "BAD_GATEWAY"];
    gateway.expectServerErrors(code);
    const before = await gateway.metric("portcullis_requests_total", { code, stage: "upstream" });
    const answer = await gateway.call(at(model));
    expect(answer.status).toBe(status);
    expect(answer.json().error).toMatchObject({ code: family, details: { reason: code } });
    expect(answer.text).not.toMatch(/127\.0\.0\.1|ECONN/);
    expect(await gateway.lineOf(answer)).toMatchObject({
      status,
      stage: "upstream",
      code,
      decision: "error",
    });
    expect(await gateway.metric("portcullis_requests_total", { code, stage: "upstream" })).toBe(
      before + 1,
    );
  });

  test("that is too slow is 504, at its deadline, and its call is ended", async () => {
    gateway.expectServerErrors("upstream.timeout");
    let isHungUp = false;
    gateway.upstream.answer((_, response) => void response.on("close", () => (isHungUp = true)));
    const beganMs = performance.now();
    const answer = await gateway.call(predict(gateway));
    expect(answer.status).toBe(504);
    expect(performance.now() - beganMs).toBeGreaterThan(390);
    expect(performance.now() - beganMs).toBeLessThan(1_500);
    expect(await gateway.lineOf(answer)).toMatchObject({
      status: 504,
      stage: "upstream",
      code: "upstream.timeout",
    });
    await until("the upstream was hung up on", () => isHungUp);
    gateway.upstream.reset();
  });

  test("that dies in the middle of a short answer is 502, and nothing of it is passed on", async () => {
    gateway.expectServerErrors("upstream.connection_lost");
    gateway.upstream.answer((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write('{"probability":', () => response.destroy());
    });
    const answer = await gateway.call(predict(gateway));
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain("probability");
    expect(await gateway.lineOf(answer)).toMatchObject({
      status: 502,
      code: "upstream.connection_lost",
    });
    gateway.upstream.reset();
  });

  test("that dies in the middle of a stream ends the caller's answer visibly short", async () => {
    gateway.expectServerErrors("upstream.connection_lost");
    gateway.upstream.answer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: ${"x".repeat(8_192)}\n\n`, () =>
        setTimeout(() => response.destroy(), 50),
      );
    });
    const { requestId, status, ended } = await readStream(gateway);
    expect({ status, ended }).toEqual({ status: 200, ended: "cut" });
    expect(await gateway.lineOf(requestId)).toMatchObject({
      status: 200,
      stage: "upstream",
      code: "upstream.connection_lost",
      decision: "error",
    });
    gateway.upstream.reset();
  });

  test("that has no place left is 503 with Retry-After; who waits in its queue is served", async () => {
    gateway.expectServerErrors("upstream.saturated");
    const held: (() => void)[] = [];
    gateway.upstream.answer((_, response) => void held.push(() => response.end(PREDICTION)));
    const first = gateway.call(at("narrow"));
    await until("the first call arrived", () => held.length === 1);
    const second = gateway.call(at("narrow"));
    await until(
      "the second waits",
      async () =>
        (await gateway.metric("portcullis_upstream_queued", { upstream: "narrow" })) === 1,
    );
    const third = await gateway.call(at("narrow"));
    expect([third.status, third.headers["retry-after"]]).toEqual([503, "1"]);
    expect(await gateway.lineOf(third)).toMatchObject({
      stage: "upstream",
      code: "upstream.saturated",
    });
    held[0]?.();
    await until("the second call arrived", () => held.length === 2);
    held[1]?.();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    gateway.upstream.reset();
  });

  test("is hung up on when the caller leaves: recorded as 499, and nothing stays in flight", async () => {
    let arrived = 0;
    let isHungUp = false;
    gateway.upstream.answer((_, response) => {
      arrived++;
      response.on("close", () => (isHungUp = true));
    });
    const request = httpRequest({
      port: gateway.port,
      method: "POST",
      path: "/patient/v1/predict",
      headers: { ...gateway.allowed(), "x-request-id": "the-one-who-left" },
      agent: false,
    });
    request.on("error", () => undefined);
    request.end("{}");
    await until("the call arrived", () => arrived === 1);
    request.destroy();
    await until("the upstream was hung up on", () => isHungUp);
    const line = await waitForCode("listener.caller_gone");
    expect(line).toMatchObject({
      status: 499,
      code: "listener.caller_gone",
      route: "patient.v1.predict",
    });
    await until(
      "nothing is in flight",
      async () =>
        (await gateway.metric("portcullis_upstream_in_flight")) +
          (await gateway.metric("portcullis_requests_in_flight")) ===
        0,
    );
    expect(
      await gateway.metric("portcullis_requests_total", {
        code: "listener.caller_gone",
        status_class: "4xx",
      }),
    ).toBe(1);
    gateway.upstream.reset();
    expect((await gateway.call(at("patient"))).status).toBe(200);
  });

  async function waitForCode(code: string) {
    const find = () => gateway.logLines().find((line) => line["code"] === code);
    await until(`a line with ${code}`, () => find() !== undefined);
    return find();
  }
});

/** Reads a streamed answer to its end, good or bad. */
function readStream(
  gateway: TestGateway,
): Promise<{ requestId: string; status: number; ended: "whole" | "cut" }> {
  const { path, headers, body } = predict(gateway);
  return new Promise((done, fail) => {
    const request = httpRequest(
      { port: gateway.port, method: "POST", path, headers, agent: false },
      (response) => {
        response.resume();
        response.on("error", () => undefined);
        response.on("close", () =>
          done({
            requestId: String(response.headers["x-request-id"]),
            status: response.statusCode ?? 0,
            ended: response.complete ? "whole" : "cut",
          }),
        );
      },
    );
    request.on("error", fail);
    request.end(body);
  });
}

/** A key server that can be taken down and brought back at the same address. */
class KeyServer {
  asked = 0;
  readonly port: number;
  readonly #jwks: string;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(port: number, jwks: string) {
    this.port = port;
    this.#jwks = jwks;
  }

  async up(): Promise<void> {
    this.#server = createHttpServer((_, response) => {
      this.asked++;
      response.writeHead(200, { "content-type": "application/json" }).end(this.#jwks);
    });
    this.#server.on("connection", (socket) => void this.#sockets.add(socket));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const socket of this.#sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

describe("a key server", () => {
  let gateway: TestGateway;
  let keyServer: KeyServer;
  const issuer = createTokenIssuer();
  afterEach(async () => {
    await gateway.close();
    await keyServer.down();
  });

  async function startWithKeyServer(isUp: boolean): Promise<void> {
    keyServer = new KeyServer(await freePort(), issuer.jwks);
    if (isUp) await keyServer.up();
    gateway = await startGateway({
      config: {
        identity: {
          issuers: {
            test: {
              issuer: ISSUER,
              jwks: undefined,
              jwksUrl: `http://127.0.0.1:${keyServer.port}/jwks`,
              refresh: { every: "1s", cooldown: "1s" },
            },
          },
          // Every token is checked against the keys anew.
          tokenCache: { entries: 0 },
        },
      },
    });
  }

  const call = () =>
    gateway.call({
      ...predict(gateway),
      headers: { ...gateway.allowed(), authorization: `Bearer ${issuer.mint()}` },
    });
  const recovered = () =>
    until("a token is accepted", async () => (await call()).status === 200, 10_000);

  test("that is down at the start costs 503, never 401; when it is back tokens are accepted without a restart", async () => {
    await startWithKeyServer(false);
    gateway.expectServerErrors("identity.keys_unavailable");
    const answer = await call();
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([503, undefined]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(await gateway.lineOf(answer)).toMatchObject({
      stage: "identity",
      code: "identity.keys_unavailable",
    });
    expect(gateway.upstream.received).toEqual([]);
    await keyServer.up();
    await recovered();
  });

  test("that goes down later changes nothing: the last keys go on working", async () => {
    await startWithKeyServer(true);
    await recovered();
    const { asked } = keyServer;
    await until("the keys were fetched again", () => keyServer.asked > asked);
    await keyServer.down();
    await until(
      "a fetch failed",
      () => gateway.logLines().some(({ msg }) => msg === "keys_failed"),
      5_000,
    );
    expect((await call()).status).toBe(200);
  });

  test("that is down during a reload takes nothing away: the keys known before go on working", async () => {
    await startWithKeyServer(true);
    await recovered();
    await keyServer.down();
    gateway.configure({ limits: { header: "X-Quota" } });
    expect(await gateway.portcullis.reload()).toBe(true);
    const answer = await call();
    expect([answer.status, answer.headers["x-quota-limit"] !== undefined]).toEqual([200, true]);
    // And once more: what was taken over can be taken over again.
    expect(await gateway.portcullis.reload()).toBe(true);
    expect((await call()).status).toBe(200);
  });
});
