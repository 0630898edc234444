import { X509Certificate } from "node:crypto";
import { request as httpsRequest } from "node:https";
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { connect as netConnect } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  createDevelopmentCa,
  type DevelopmentCa,
  type IssuedCertificate,
} from "../../test/support/certificates.ts";
import { sendRaw } from "../../test/support/raw-http.ts";
import {
  limitsWith,
  proxies,
  startRecording,
  type RecordingServer,
} from "../../test/support/recording-server.ts";
import { parseAltNames } from "./peer.ts";
import type { TlsMaterial } from "./tls-handshakes.ts";

let ca: DevelopmentCa;
let foreignCa: DevelopmentCa;
let issued: IssuedCertificate;
let caller: IssuedCertificate;
let running: RecordingServer | undefined;
const refusals: string[] = [];

beforeAll(async () => {
  [ca, foreignCa] = await Promise.all([createDevelopmentCa("ours"), createDevelopmentCa("theirs")]);
  issued = await ca.issue({ commonName: "gateway", dnsNames: ["localhost"], usage: "server" });
  caller = await ca.issue({
    commonName: "core-banking",
    uris: ["spiffe://bank/core"],
    dnsNames: ["core.bank"],
    usage: "caller",
  });
});
beforeEach(() => refusals.splice(0));
afterEach(async () => {
  await running?.server.close();
  running = undefined;
});

const material = (changes: Partial<TlsMaterial> = {}, from = issued): TlsMaterial => ({
  certificate: Buffer.from(from.certificatePem),
  key: Buffer.from(from.keyPem),
  minVersion: "TLSv1.2",
  callers: { mode: "none" },
  ...changes,
});
const callers = (mode: "request" | "require") => ({
  callers: { mode, ca: Buffer.from(ca.certificatePem) },
});

async function start(changes: Partial<TlsMaterial> = {}): Promise<RecordingServer> {
  running = await startRecording({
    tls: material(changes),
    limits: { handshakeTimeout: 300, headerTimeout: 500 },
    observer: { connectionRefused: (_, why) => refusals.push(why) },
  });
  return running;
}

function dial(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      port,
      host: "127.0.0.1",
      servername: "localhost",
      ca: ca.certificatePem,
      ...options,
    });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async function ask(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket = await dial(port, options);
  const reply = await sendRaw({ port, bytes: GET, open: () => socket });
  return reply.text;
}

describe("handshakes", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s carries HTTP/1.1", async (version) => {
    const { port, handler } = await start();
    expect(await ask(port, { minVersion: version, maxVersion: version })).toContain("200 OK");
    expect(handler.recorded[0]?.request).toMatchObject({
      isSecure: true,
      httpVersion: "1.1",
      peer: { address: "127.0.0.1", tls: { version, serverName: "localhost" } },
    });
    expect(handler.recorded[0]?.request.peer.certificate).toBeUndefined();
  });

  test.each<[string, ConnectionOptions]>([
    ["TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }],
    ["static RSA", { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" }],
    ["CBC with SHA-1", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA" }],
    ["CBC with SHA-256", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }],
    [
      "signatures with SHA-1",
      { maxVersion: "TLSv1.2", sigalgs: "ECDSA+SHA1:RSA+SHA1", ciphers: "ALL:@SECLEVEL=0" },
    ],
    ["another protocol by ALPN", { ALPNProtocols: ["spdy/3"] }],
  ])("%s is refused and counted", async (_, options) => {
    const { port } = await start();
    await expect(dial(port, options)).rejects.toThrow();
    await expect.poll(() => refusals).toEqual(["handshake"]);
  });

  test("TLS 1.2 is refused when 1.3 is the least", async () => {
    const { port } = await start({ minVersion: "TLSv1.3" });
    await expect(dial(port, { maxVersion: "TLSv1.2" })).rejects.toThrow();
  });

  test("a caller cannot renegotiate", async () => {
    const { port } = await start();
    const socket = await dial(port, { maxVersion: "TLSv1.2" });
    socket.on("error", () => undefined);
    const failure = await new Promise<Error | null>((resolve) => {
      socket.once("close", () => resolve(new Error("closed")));
      socket.renegotiate({}, resolve);
    });
    expect(failure).not.toBeNull();
    socket.destroy();
  });

  test("a handshake that is not finished in time is ended", async () => {
    const { port, server } = await start();
    const socket = netConnect(port, "127.0.0.1");
    const startedMs = performance.now();
    await new Promise((resolve) =>
      socket
        .once("close", resolve)
        .on("error", () => undefined)
        .resume(),
    );
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await expect.poll(() => server.state().connections).toBe(0);
    expect(refusals).toEqual(["handshake"]);
  });

  test("a header section that is not finished in time is answered with 408", async () => {
    const { port, handler } = await start();
    const socket = await dial(port);
    const reply = await sendRaw({
      port,
      bytes: "GET /a HTTP/1.1\r\nHost: a\r\n",
      quietMs: 3000,
      open: () => socket,
    });
    expect(reply.statuses).toEqual([408]);
    expect(handler.codes).toEqual(["listener.request_timeout"]);
  });

  test("a connection that says nothing is closed without a word", async () => {
    const { port, handler } = await start();
    const socket = await dial(port);
    const reply = await sendRaw({ port, bytes: "", quietMs: 3000, open: () => socket });
    expect(reply).toMatchObject({ text: "", isClosed: true });
    expect(handler.codes).toEqual([]);
  });

  test("plain HTTP on a TLS port gets nothing", async () => {
    const { port, handler } = await start();
    expect(await sendRaw({ port, bytes: GET })).toMatchObject({ statuses: [], isClosed: true });
    expect(handler.recorded).toHaveLength(0);
  });
});

describe("caller certificates", () => {
  const shown = (by: IssuedCertificate): ConnectionOptions => ({
    cert: by.certificatePem,
    key: by.keyPem,
  });

  test.each(["request", "require"] as const)("a good one is described, mode %s", async (mode) => {
    const { port, handler } = await start(callers(mode));
    expect(await ask(port, shown(caller))).toContain("200 OK");
    const { certificate } = handler.recorded[0]?.request.peer ?? {};
    expect(certificate).toMatchObject({
      verified: true,
      subject: "CN=core-banking",
      issuer: "CN=ours",
      thumbprintSha256: caller.thumbprintSha256,
      subjectAltNames: ["DNS:core.bank", "URI:spiffe://bank/core"],
    });
    const leaf = new X509Certificate(caller.certificatePem);
    expect(certificate?.chain).toEqual([leaf.raw, new X509Certificate(ca.certificatePem).raw]);
    expect(certificate?.expiresAtMs).toBe(Date.parse(leaf.validTo));
    expect(certificate?.serial).toBe(leaf.serialNumber);
  });

  test("none is nobody's, mode request", async () => {
    const { port, handler } = await start(callers("request"));
    expect(await ask(port)).toContain("200 OK");
    expect(handler.recorded[0]?.request.peer.certificate).toBeUndefined();
  });

  test("a foreign one is described as not verified, mode request", async () => {
    const { port, handler } = await start(callers("request"));
    const foreign = await foreignCa.issue({ commonName: "core-banking", usage: "caller" });
    expect(await ask(port, shown(foreign))).toContain("200 OK");
    expect(handler.recorded[0]?.request.peer.certificate).toMatchObject({
      verified: false,
      verifyError: expect.stringMatching(/UNABLE_TO/) as string,
    });
  });

  test.each<[string, () => Promise<IssuedCertificate | undefined>]>([
    ["no certificate", async () => undefined],
    ["a foreign certificate", () => foreignCa.issue({ commonName: "x", usage: "caller" })],
    ["an expired certificate", () => ca.issue({ commonName: "x", usage: "caller", validDays: -2 })],
    ["a server's certificate", () => ca.issue({ commonName: "x", usage: "server" })],
  ])("%s: refused, mode require", async (_, make) => {
    const { port, handler } = await start(callers("require"));
    const certificate = await make();
    const text = await ask(port, certificate ? shown(certificate) : {}).catch(() => "");
    expect(text).toBe("");
    expect(handler.recorded).toHaveLength(0);
    await expect.poll(() => refusals).toEqual(["handshake"]);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "no session is resumed where callers show certificates, %s",
    async (version) => {
      const { port } = await start(callers("request"));
      const options = { ...shown(caller), minVersion: version, maxVersion: version } as const;
      const first = await dial(port, options);
      const sessions: Buffer[] = [];
      first.on("session", (session: Buffer) => sessions.push(session));
      await sendRaw({ port, bytes: GET, open: () => first });
      const session = sessions.at(-1) ?? first.getSession();
      const second = await dial(port, { ...options, ...(session && { session }) });
      expect(second.isSessionReused()).toBe(false);
      second.destroy();
    },
  );
});

describe("reload", () => {
  const configuration = (tls: TlsMaterial) => ({
    listeners: [{ name: "test", host: "127.0.0.1", port: 0, tls }],
    limits: limitsWith(),
    trustedProxies: proxies(),
  });

  test("a certificate without its key leaves the old one serving", async () => {
    const { server, port } = await start();
    const other = await ca.issue({ commonName: "other", usage: "server" });
    const mixed = material({ key: Buffer.from(other.keyPem) });
    await expect(server.reload(configuration(mixed))).rejects.toThrow();
    expect(await ask(port)).toContain("200 OK");
  });

  test("a kept-alive connection survives a change of limits and ends in good order after a change of certificate", async () => {
    const { server, port } = await start();
    const socket = await dial(port);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const keep = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write(keep);
    await expect.poll(() => text).toContain("got 0");
    await server.reload(configuration(material()));
    text = "";
    socket.write(keep);
    await expect.poll(() => text).toContain("got 0");
    expect(text).not.toMatch(/connection: close/i);
    const renewed = await ca.issue({
      commonName: "renewed",
      dnsNames: ["localhost"],
      usage: "server",
    });
    await server.reload(configuration(material({}, renewed)));
    text = "";
    socket.write(keep);
    await expect.poll(() => text).toMatch(/connection: close[^]*got 0/i);
    const next = await dial(port);
    expect(next.getPeerCertificate().subject.CN).toBe("renewed");
    next.destroy();
  });
});

test.each([
  [undefined, []],
  ["DNS:a.b, IP Address:10.0.0.1", ["DNS:a.b", "IP Address:10.0.0.1"]],
  ['DNS:"a, DNS:victim", URI:spiffe://x', ["DNS:a, DNS:victim", "URI:spiffe://x"]],
  ['URI:"x\\", DNS:victim"', ['URI:x", DNS:victim']],
])("alternative names %j", (text, names) => {
  expect(parseAltNames(text)).toEqual(names);
});

test("Node's own agent is served", async () => {
  const { port } = await start();
  const status = await new Promise((resolve, reject) => {
    httpsRequest(
      { port, host: "127.0.0.1", servername: "localhost", ca: ca.certificatePem },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
});
