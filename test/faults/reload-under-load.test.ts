/** New configurations and certificates while callers are being served: nobody may notice but by what was changed. */
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Server as HttpServer } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls, Server as TlsServer, type TLSSocket } from "node:tls";
import { queryObjects } from "node:v8";
import { Pool } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import type { CallTarget } from "../support/calling.ts";
import type { Settings } from "../support/gateway-configuration.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { PREDICTION } from "../support/recording-upstream.ts";
import { until } from "../support/until.ts";
import { SteadyLoad, type LaneAnswer } from "./steady-load.ts";

const RELOADS = 200;

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

/**
 * Two configurations that differ in what a caller sees and in what the upstream sees, so that an answer made by half of
 * each would show. Their upstreams differ too: no reload can take over a connection.
 */
const SIDES = ["a", "b"] as const;
type Side = (typeof SIDES)[number];
const FILES = { "a.secret": "key-of-a", "b.secret": "key-of-b" };
const HEADER_OF: Readonly<Record<Side, string>> = { a: "X-Quota-A", b: "X-Quota-B" };

const settingsOf = (side: Side): Settings => ({
  limits: { header: HEADER_OF[side] },
  upstreams: {
    model: { credential: { header: "x-model-key", prefix: "", secret: `file:${side}.secret` } },
  },
});

function faultOf({ status, headers, text }: LaneAnswer, serial: number): string | undefined {
  if (status !== 200) return `status ${status}: ${text}`;
  const sides = SIDES.filter(
    (side) => headers[`${HEADER_OF[side].toLowerCase()}-limit`] !== undefined,
  );
  const expected = JSON.stringify({ serial, key: `key-of-${sides.join("+")}` });
  return text === expected ? undefined : `${text} and not ${expected}`;
}

/** The upstream answers with the number that it was sent and the key by which the gateway came. */
function echo(running: TestGateway): void {
  running.upstream.answer((request, response) => {
    const { serial } = JSON.parse(request.body.toString()) as { serial: number };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ serial, key: request.all("x-model-key").join() }));
  });
}

function loadOn(running: TestGateway, lanes: readonly CallTarget[]): SteadyLoad {
  const headers = running.allowed();
  return new SteadyLoad({
    lanes,
    request: (serial) => ({ path: "/churn/v2/predict", headers, body: JSON.stringify({ serial }) }),
    fault: faultOf,
  });
}

async function servesAs(running: TestGateway, side: Side): Promise<boolean> {
  const request = { path: "/churn/v2/predict", headers: running.allowed(), body: '{"serial":-1}' };
  return (
    (await running.call(request)).headers[`${HEADER_OF[side].toLowerCase()}-limit`] !== undefined
  );
}

const openFiles = (): number => readdirSync("/proc/self/fd").length;
/** Objects alive of each kind that a generation or a listener makes; garbage is collected first. */
const alive = () => ({
  httpServers: queryObjects(HttpServer, { format: "count" }),
  tlsServers: queryObjects(TlsServer, { format: "count" }),
  pools: queryObjects(Pool, { format: "count" }),
});

describe("200 reloads under constant load", () => {
  test(
    "drop no request, give no wrong answer, and leave nothing behind",
    { timeout: 60_000 },
    async () => {
      const running = (gateway = await startGateway({
        listeners: ["plain", "tls"],
        files: FILES,
        config: settingsOf("a"),
      }));
      echo(running);
      const [plain, tls, h2] = [
        running.target(),
        running.target("https/1.1", "tls"),
        running.target("h2", "tls"),
      ];
      const before = { files: openFiles(), ...alive() };
      const load = loadOn(running, [plain, plain, plain, plain, tls, tls, h2, h2]);
      await until("the load runs", () => load.answered >= 100);
      for (let i = 1; i <= RELOADS; i++) {
        running.configure(settingsOf(SIDES[i % 2] as Side));
        const answered = load.answered;
        expect(await running.portcullis.reload()).toBe(true);
        // Each configuration serves some requests before the next one comes.
        await until(
          "the new configuration serves",
          () => load.answered > answered + 2 || load.faults.length > 0,
        );
      }
      await load.stop();
      expect(load.faults.slice(0, 5)).toEqual([]);
      expect(load.answered).toBeGreaterThan(RELOADS * 3);
      expect(
        await running.metric("portcullis_config_reloads_total", { result: "success" }),
      ).toBeGreaterThanOrEqual(RELOADS);
      expect(await running.metric("portcullis_config_reloads_total", { result: "failure" })).toBe(
        0,
      );
      expect(await running.metric("portcullis_requests_total", { code: "ok" })).toBe(load.answered);

      // Never more at a time than lanes, and anew only for a new configuration (the watch may have read some twice).
      expect(running.upstream.connections).toBeLessThanOrEqual(load.lanes * (RELOADS * 2 + 1));

      // Connections of callers that left and of upstreams that were replaced close in their own time.
      await until(
        "connections are closed",
        async () => (await running.metric("portcullis_connections")) === 0,
        8_000,
      );
      // One upstream of the serving configuration may keep idle connections.
      await until("files are closed", () => openFiles() <= before.files + 8, 8_000);
      const after = alive();
      for (const kind of ["pools", "tlsServers", "httpServers"] as const)
        expect.soft(after[kind] - before[kind], kind).toBeLessThanOrEqual(2);
    },
  );
});

describe("a reload", () => {
  test("by the watch of files drops nothing either, and comes soon although the folder is busy", async () => {
    const running = (gateway = await startGateway({ files: FILES, config: settingsOf("a") }));
    echo(running);
    const load = loadOn(running, [running.target(), running.target()]);
    // A log or a database in the same folder: the watch is told of every write.
    const busy = setInterval(() => writeFileSync(join(running.folder, "busy.db"), "x"), 50);
    try {
      for (const side of ["b", "a", "b"] as const) {
        running.configure(settingsOf(side));
        await until(`${side} serves`, () => servesAs(running, side), 3_000);
      }
    } finally {
      clearInterval(busy);
      await load.stop();
    }
    expect(load.faults).toEqual([]);
    expect(load.answered).toBeGreaterThan(20);
  });

  test("lets a request end under the configuration that it began with", async () => {
    const running = (gateway = await startGateway({ files: FILES, config: settingsOf("a") }));
    const held: (() => void)[] = [];
    running.upstream.answer(
      (request, response) =>
        void held.push(() => response.end(JSON.stringify(request.all("x-model-key")))),
    );
    const slow = running.call({
      path: "/churn/v2/predict",
      headers: running.allowed(),
      body: "{}",
    });
    await until("the request arrived", () => held.length === 1);
    running.configure(settingsOf("b"));
    expect(await running.portcullis.reload()).toBe(true);
    held[0]?.();
    const answer = await slow;
    expect([answer.status, answer.text, answer.headers["x-quota-a-limit"] !== undefined]).toEqual([
      200,
      '["key-of-a"]',
      true,
    ]);
  });

  test("forgets no count: neither a caller's bucket nor an address's rate", async () => {
    const running = (gateway = await startGateway({
      config: { sources: { rate: "6/1h" }, limits: { default: { rate: "3/h", burst: 3 } } },
    }));
    const call = () =>
      running.call({ path: "/churn/v2/predict", headers: running.allowed(), body: "{}" });
    const codes: unknown[] = [];
    for (let i = 0; i < 7; i++) {
      codes.push((await running.lineOf(await call())).code);
      running.configure({ telemetry: { log: { level: i % 2 === 0 ? "debug" : "info" } } });
      expect(await running.portcullis.reload()).toBe(true);
    }
    const bucket = "limits.bucket_empty";
    expect(codes).toEqual(["ok", "ok", "ok", bucket, bucket, bucket, "sources.rate_exceeded"]);
    expect(running.upstream.received).toHaveLength(3);
  });

  test.each([
    ["is gone", (path: string) => rmSync(path), /does not exist/],
    ["is a folder", (path: string) => (rmSync(path), mkdirSync(path)), /file/],
    ["is not UTF-8", (path: string) => writeFileSync(path, Buffer.from([0xff, 0xfe])), /not UTF-8/],
  ])(
    "when the file %s leaves the old configuration serving until it is back",
    async (_name, spoil, why) => {
      const running = (gateway = await startGateway());
      spoil(running.configPath);
      expect(await running.portcullis.reload()).toBe(false);
      const call = () =>
        running.call({ path: "/churn/v2/predict", headers: running.allowed(), body: "{}" });
      expect((await call()).status).toBe(200);
      await until("the log says why", () =>
        running
          .logLines()
          .some((line) => line["level"] === "error" && why.test(JSON.stringify(line))),
      );
      rmSync(running.configPath, { recursive: true, force: true });
      running.configure({ limits: { header: "X-Back" } });
      expect(await running.portcullis.reload()).toBe(true);
      expect((await call()).headers["x-back-limit"]).toBeDefined();
    },
  );

  test.each([
    ["a file that is no YAML", "version: [", /portcullis\.development\.yaml:1:/],
    ["an unknown key", "waff: {}", /waff/],
    [
      "an upstream that does not exist",
      "routes: [{ path: /x, upstream: nowhere }]",
      /no upstream .*nowhere/,
    ],
    [
      "a certificate that cannot be used",
      "listeners: [{ name: plain, bind: '127.0.0.1:0', tls: { certificate: file:jwks.json, key: file:jwks.json } }]",
      /PEM|certificate/i,
    ],
    [
      "a schema that cannot be compiled",
      "models: { churn: { versions: { v2: { upstream: model, request: file:bad.json } } } }",
      /bad\.json/,
    ],
  ])("to %s leaves the old configuration serving and says why", async (_name, text, why) => {
    const running = (gateway = await startGateway({ files: { "bad.json": '{"type":"objekt"}' } }));
    // As an overlay: the rest of the configuration stays sound.
    writeFileSync(join(running.folder, "portcullis.development.yaml"), text);
    expect(await running.portcullis.reload()).toBe(false);
    const call = () =>
      running.call({ path: "/churn/v2/predict", headers: running.allowed(), body: "{}" });
    expect((await call()).status).toBe(200);
    await until("the log says why", () =>
      running
        .logLines()
        .some((line) => line["level"] === "error" && why.test(JSON.stringify(line))),
    );
    expect(
      await running.metric("portcullis_config_reloads_total", { result: "failure" }),
    ).toBeGreaterThanOrEqual(1);
    expect(await running.metric("portcullis_config_reloads_total", { result: "success" })).toBe(0);
    // Mended, it is taken, and everything still works.
    writeFileSync(
      join(running.folder, "portcullis.development.yaml"),
      "limits: { header: X-Mended }",
    );
    expect(await running.portcullis.reload()).toBe(true);
    expect((await call()).headers["x-mended-limit"]).toBeDefined();
  });
});

describe("a new certificate", () => {
  test("is shown in new handshakes; connections made under the old one end in good order", async () => {
    const running = (gateway = await startGateway({ listeners: ["tls"] }));
    const { port } = running;
    const ca = running.ca?.certificatePem ?? "";
    let release: (() => void) | undefined;
    const open = (): Promise<TLSSocket> =>
      new Promise((done, fail) => {
        const socket = connectTls(
          { port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] },
          () => done(socket),
        );
        socket.once("error", fail);
      });
    const serialOf = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber;
    const kept = await open();
    const session = connectHttp2(running.origin, { ca });
    await once(session, "connect");
    const old = serialOf(kept);
    // A stream under way on the old connection.
    running.upstream.answer((_, response) => {
      release = () => response.end(PREDICTION);
    });
    const stream = session.request({
      ":method": "POST",
      ":path": "/churn/v2/predict",
      ...running.allowed(),
    });
    stream.end("{}");
    await until("the stream arrived", () => release !== undefined);

    const renewed = await running.ca?.issue({
      commonName: "gateway",
      usage: "server",
      ipAddresses: ["127.0.0.1"],
    });
    writeFileSync(join(running.folder, "server.crt"), renewed?.certificatePem ?? "");
    writeFileSync(join(running.folder, "server.key"), renewed?.keyPem ?? "");
    expect(await running.portcullis.reload()).toBe(true);

    const fresh = await open();
    expect(serialOf(fresh)).not.toBe(old);
    fresh.destroy();
    // The stream ends as if nothing had happened.
    release?.();
    const [head] = (await once(stream, "response")) as [{ ":status"?: number }];
    expect(head[":status"]).toBe(200);
    stream.resume();
    await once(stream, "end");
    session.close();
    // The old HTTP/1.1 connection serves one more request, whole, and then closes.
    running.upstream.reset();
    const { authorization } = running.allowed();
    kept.write(
      `POST /churn/v2/predict HTTP/1.1\r\nHost: gateway.example\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
    let text = "";
    kept.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await Promise.race([once(kept, "close"), sleep(3_000)]);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text.toLowerCase()).toContain("connection: close");
    expect(text).toContain(PREDICTION);
    expect(kept.destroyed).toBe(true);
  });
});
