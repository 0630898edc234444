/** The life of an issuer's keys, against real key servers: what is fetched, how often, and what callers hear meanwhile. */
import { randomUUID } from "node:crypto";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createDevelopmentCa } from "../../../test/support/certificates.ts";
import { contextOf, FrozenClock } from "../../../test/support/context.ts";
import { SYSTEM_CLOCK, type Decision } from "../../pipeline/stage.ts";
import {
  answering,
  cleanups,
  cleanUp,
  createKey,
  jwksOf,
  type KeyServer,
  ISSUER,
  type Members,
  prepareStage,
  startKeyServer,
  tokenOf,
} from "./identity-harness.test-support.ts";
import type { KeyNotice } from "./key-source.ts";
import type { IdentityTools } from "./stage.ts";

afterEach(cleanUp);

const first = createKey("ES256", "first");
const second = createKey("ES256", "second");

async function startServer(...parameters: Parameters<typeof startKeyServer>): Promise<KeyServer> {
  const server = await startKeyServer(...parameters);
  cleanups.push(() => server.close());
  return server;
}

interface Running {
  readonly decide: (token: string) => Decision | Promise<Decision>;
  readonly notices: KeyNotice[];
}

/** Files by path for `readFile`. */
async function running(
  { everyMs, ...issuer }: Members & { readonly everyMs?: number },
  { files = {}, ...tools }: Partial<IdentityTools> & { files?: Record<string, string> } = {},
): Promise<Running> {
  const notices: KeyNotice[] = [];
  const bank = { issuer: ISSUER, audience: ["inference"], algorithms: ["ES256"], ...issuer };
  const stage = await prepareStage({
    section: { issuers: { bank } },
    everyMs,
    tools: {
      clock: SYSTEM_CLOCK,
      readFile: ({ path }) => Promise.resolve(Buffer.from(files[path] ?? "")),
      notice: (notice) => notices.push(notice),
      ...tools,
    },
  });
  const handlers = stage.bind(contextOf().route);
  return {
    decide: (token) => {
      const context = contextOf({ headers: { authorization: `Bearer ${token}` } });
      return handlers?.onHead?.(context) ?? expect.fail("no decision");
    },
    notices,
  };
}

const PASSES = { verdict: "continue" };
const REFUSED = { verdict: "reject", rejection: { code: "identity.token_invalid", status: 401 } };
const UNAVAILABLE = expect.objectContaining({ code: "identity.keys_unavailable" }) as Error;

/** A discovery document and a key set on one server. */
function provider(keys: () => string): Parameters<typeof startKeyServer>[0] {
  return (request, response) => {
    const base = `http://${request.headers.host}`;
    const metadata = JSON.stringify({ issuer: base, jwks_uri: `${base}/keys` });
    const isDiscovery = request.url === "/.well-known/openid-configuration";
    answering(isDiscovery ? metadata : keys())(request, response);
  };
}

describe("a token's way", () => {
  test("the first verification and the hit are both synchronous once keys are there", async () => {
    const server = await startServer(provider(() => jwksOf(first)));
    const { decide } = await running({ issuer: server.url });
    const token = tokenOf(first, { issuer: server.url });
    const decision = decide(token);
    expect(decision).not.toBeInstanceOf(Promise);
    expect(decision).toMatchObject({
      verdict: "continue",
      learned: { method: "jwt", key: "jwt:bank:core-banking", caller: "core-banking" },
    });
    // The very same decision: it was not verified again.
    expect(decide(token)).toBe(decision);
    expect([...server.asked]).toEqual([
      ["/.well-known/openid-configuration", 1],
      ["/keys", 1],
    ]);
  });

  test("a cached token ends with its own end, after a minute, and with the keys", async () => {
    const clock = new FrozenClock();
    const server = await startServer(answering(jwksOf(first)));
    const { decide } = await running({ jwksUrl: server.url }, { clock });
    const token = tokenOf(first, { nowMs: clock.nowMs() });
    const decision = decide(token);
    clock.advance(59_000);
    expect(decide(token)).toBe(decision);
    clock.advance(2_000);
    const again = decide(token);
    expect(again).toMatchObject(PASSES);
    expect(again).not.toBe(decision);
    const ending = tokenOf(first, { nowMs: clock.nowMs() - 590_000 });
    expect(decide(ending)).toMatchObject(PASSES);
    clock.jump(41_000);
    expect(decide(ending)).toMatchObject({ rejection: { code: "identity.token_expired" } });
    clock.jump(-41_000);
    // The wall clock set back does not keep it alive; its end, skew included, does end it.
    clock.jump(-300_000);
    clock.advance(61_000);
    expect(decide(token)).not.toBe(again);
    clock.jump(300_000 + 600_000);
    expect(decide(token)).toMatchObject({ rejection: { code: "identity.token_expired" } });
  });

  test("hundred identical tokens that wait for the keys cost one fetch and one verification", async () => {
    const server = await startServer(answering("{}", 500));
    const clock = new FrozenClock();
    const { decide } = await running({ jwksUrl: server.url }, { clock });
    let release = () => undefined as void;
    const released = new Promise<void>((resolve) => (release = resolve));
    server.answer = (request, response) =>
      void released.then(() => answering(jwksOf(first))(request, response));
    clock.advance(5_000);
    const token = tokenOf(first, { nowMs: clock.nowMs() });
    const waiting = Array.from({ length: 100 }, () => decide(token));
    for (const decision of waiting) expect(decision).toBeInstanceOf(Promise);
    release();
    const decisions = await Promise.all(waiting.map(async (decision) => decision));
    expect(new Set(decisions).size).toBe(1);
    expect(decisions[0]).toMatchObject(PASSES);
    expect(server.asked.get("/")).toBe(2);
  });
});

describe("an outage of the key server", () => {
  test("at the start: 503, few tries however many tokens, and recovery by itself", async () => {
    const server = await startServer(answering("{}", 500));
    const { decide, notices } = await running({ jwksUrl: server.url, everyMs: 300 });
    for (let i = 0; i < 100; i++) expect(() => decide(tokenOf(first))).toThrow(UNAVAILABLE);
    expect(server.asked.get("/")).toBe(1);
    expect(notices).toEqual([
      { issuer: "bank", kind: "keys_failed", detail: expect.stringContaining("status 500") },
    ]);
    server.answer = answering(jwksOf(first));
    await vi.waitFor(() => expect(notices.at(-1)?.kind).toBe("keys_loaded"), { timeout: 2_000 });
    expect(decide(tokenOf(first))).toMatchObject(PASSES);
  });

  test("later: known keys serve on for as long as staleIfError says, then 503, never 401", async () => {
    const clock = new FrozenClock();
    const server = await startServer(answering(jwksOf(first)));
    const { decide, notices } = await running({ jwksUrl: server.url, everyMs: 100 }, { clock });
    await server.close();
    await vi.waitFor(() => expect(notices.at(-1)?.kind).toBe("keys_failed"), { timeout: 2_000 });
    const fresh = () => tokenOf(first, { nowMs: clock.nowMs() });
    expect(decide(fresh())).toMatchObject(PASSES);
    // A key that we do not know may be a new one: without the key server nobody can say.
    const unknown = tokenOf(second, { nowMs: clock.nowMs() });
    await expect(async () => decide(unknown)).rejects.toThrow(UNAVAILABLE);
    clock.advance(86_400_000 - 10_000);
    await sleep(20);
    expect(await decide(fresh())).toMatchObject(PASSES);
    clock.advance(20_000);
    await expect(async () => decide(fresh())).rejects.toThrow(UNAVAILABLE);
  });

  test("hundred tokens after the back-off cause one fetch, and hear when to come back", async () => {
    const clock = new FrozenClock();
    const server = await startServer(answering("", 503));
    const { decide } = await running({ jwksUrl: server.url }, { clock });
    for (let round = 1; round <= 4; round++) {
      clock.advance(60_000);
      const token = tokenOf(first, { nowMs: clock.nowMs() });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 100 }, async () => decide(token)),
      );
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ reason: { code: "identity.keys_unavailable" } });
      expect(server.asked.get("/")).toBe(1 + round);
    }
    // Five failures: longer than the cooldown of unknown names, which must not cut it short.
    clock.advance(10_000);
    expect(() => decide(tokenOf(first))).toThrow(UNAVAILABLE);
    expect(server.asked.get("/")).toBe(5);
    const sixteenLessTen = expect.toSatisfy((seconds) => seconds >= 5 && seconds <= 8) as number;
    expect(() => decide(tokenOf(first))).toThrow(
      expect.objectContaining({ retryAfterSeconds: sixteenLessTen }) as Error,
    );
  });
});

describe("a rotation of keys", () => {
  test("a token with the new key makes one fetch after the cooldown, and old tokens end with their key", async () => {
    const clock = new FrozenClock();
    const server = await startServer(answering(jwksOf(first)));
    const { decide } = await running({ jwksUrl: server.url }, { clock });
    const old = tokenOf(first, { nowMs: clock.nowMs() });
    expect(decide(old)).toMatchObject(PASSES);
    server.answer = answering(jwksOf(second));
    const fresh = tokenOf(second, { nowMs: clock.nowMs() });
    expect(decide(fresh)).toMatchObject(REFUSED);
    expect(server.asked.get("/")).toBe(1);
    clock.advance(5_001);
    const decisions = await Promise.all(Array.from({ length: 50 }, async () => decide(fresh)));
    for (const decision of decisions) expect(decision).toMatchObject(PASSES);
    expect(server.asked.get("/")).toBe(2);
    // The cached verdict on the old token rested on a key that is gone.
    expect(decide(old)).toMatchObject(REFUSED);
  });

  test("is noticed in the background without any token", async () => {
    const server = await startServer(answering(jwksOf(first)));
    const { decide, notices } = await running({ jwksUrl: server.url, everyMs: 50 });
    server.answer = answering(jwksOf(first, second));
    await vi.waitFor(() => expect(notices).toHaveLength(2), { timeout: 2_000 });
    expect(decide(tokenOf(second))).toMatchObject(PASSES);
  });

  test("a refresh that brings the same bytes keeps verified tokens", async () => {
    const server = await startServer(answering(jwksOf(first)));
    const { decide } = await running({ jwksUrl: server.url, everyMs: 20 });
    const token = tokenOf(first);
    const decision = decide(token);
    await vi.waitFor(() => expect(server.asked.get("/")).toBeGreaterThan(3), { timeout: 2_000 });
    expect(decide(token)).toBe(decision);
  });

  test("random key names after each cooldown cause one fetch each, and 401", async () => {
    const clock = new FrozenClock();
    const server = await startServer(answering(jwksOf(first)));
    const { decide } = await running({ jwksUrl: server.url }, { clock });
    for (let round = 1; round <= 3; round++) {
      clock.advance(5_001);
      const nowMs = clock.nowMs();
      const strangers = Array.from({ length: 30 }, () =>
        tokenOf({ ...first, jwk: { ...first.jwk, kid: randomUUID() } }, { nowMs }),
      );
      for (const decision of await Promise.all(strangers.map(async (token) => decide(token))))
        expect(decision).toMatchObject(REFUSED);
      expect(server.asked.get("/")).toBe(1 + round);
    }
  });

  test.each([
    [
      "two keys of one name",
      JSON.stringify({ keys: [second.jwk, { ...first.jwk, kid: "second" }] }),
    ],
    ["no usable key", '{"keys":[]}'],
    ["more than 256 KB", JSON.stringify({ keys: [second.jwk], pad: "x".repeat(262_144) })],
    ["HTML", "<html></html>"],
  ])("a new set with %s is refused, the old one serves on", async (_, body) => {
    const server = await startServer(answering(jwksOf(first)));
    const { decide, notices } = await running({ jwksUrl: server.url, everyMs: 50 });
    server.answer = answering(body);
    await vi.waitFor(() => expect(notices.at(-1)?.kind).toBe("keys_failed"), { timeout: 2_000 });
    expect(decide(tokenOf(first))).toMatchObject(PASSES);
    await expect(async () => decide(tokenOf(second))).rejects.toThrow(UNAVAILABLE);
  });
});

describe("where keys come from", () => {
  test("discovery: another issuer's document is refused", async () => {
    const metadata = JSON.stringify({ issuer: "https://other.example", jwks_uri: "http://x/" });
    const server = await startServer(answering(metadata));
    const { decide, notices } = await running({ issuer: server.url });
    expect(notices[0]?.detail).toContain("another issuer's");
    expect(() => decide(tokenOf(first, { issuer: server.url }))).toThrow(UNAVAILABLE);
  });

  test.each([
    ["none", {}],
    ["one with a password", { jwks_uri: "http://a:b@127.0.0.1/" }],
    ["a file", { jwks_uri: "file:///etc/passwd" }],
    ["the cloud's metadata service", { jwks_uri: "http://169.254.169.254/keys" }],
    ["a private address", { jwks_uri: "https://10.0.0.1/keys" }],
  ])("discovery: as jwks_uri, %s leads nowhere", async (_, metadata) => {
    const server = await startServer((request, response) =>
      answering(JSON.stringify({ issuer: `http://${request.headers.host}`, ...metadata }))(
        request,
        response,
      ),
    );
    const { notices } = await running({ issuer: server.url });
    expect(notices[0]).toMatchObject({ kind: "keys_failed" });
  });

  test("discovery: a slash at the end of the issuer is not doubled", async () => {
    const server = await startServer((request, response) => {
      const base = `http://${request.headers.host}/realm/`;
      const metadata = JSON.stringify({ issuer: base, jwks_uri: `${base}keys` });
      answering(request.url === "/realm/keys" ? jwksOf(first) : metadata)(request, response);
    });
    const issuer = `${server.url}/realm/`;
    const { decide } = await running({ issuer });
    expect(decide(tokenOf(first, { issuer }))).toMatchObject(PASSES);
    expect([...server.asked.keys()]).toEqual([
      "/realm/.well-known/openid-configuration",
      "/realm/keys",
    ]);
  });

  test("a file: its keys serve, and a bad one stops the start", async () => {
    const files = { "keys.json": jwksOf(first), "bad.json": '{"keys":[]}' };
    const { decide } = await running({ jwks: "file:keys.json" }, { files });
    expect(decide(tokenOf(first))).toMatchObject(PASSES);
    await expect(running({ jwks: "file:bad.json" }, { files })).rejects.toThrow(/key file/);
  });

  test("HTTPS with a private authority: only its certificate is believed", async () => {
    const ca = await createDevelopmentCa();
    const own = await ca.issue({ commonName: "idp", dnsNames: ["localhost"], usage: "server" });
    const server = createHttpsServer(
      { cert: own.certificatePem, key: own.keyPem },
      answering(jwksOf(first)),
    );
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    const jwksUrl = `https://localhost:${(server.address() as AddressInfo).port}/keys`;
    const files = { "ca.pem": ca.certificatePem };
    const { decide } = await running({ jwksUrl, ca: "file:ca.pem" }, { files });
    expect(decide(tokenOf(first))).toMatchObject(PASSES);
    const { notices } = await running({ jwksUrl });
    expect(notices[0]).toMatchObject({ kind: "keys_failed" });
  });

  test("in production neither plain HTTP nor loopback is reached unless declared", async () => {
    const server = await startServer(answering(jwksOf(first)));
    const tools = { environment: "production" } as const;
    const plain = await running({ jwksUrl: server.url, allowPrivateNetwork: true }, tools);
    expect(plain.notices[0]?.detail).toContain("plain HTTP is not allowed");
    const https = server.url.replace("http:", "https:");
    const loopback = await running({ jwksUrl: https }, tools);
    expect(loopback.notices[0]?.detail).toContain("address is not allowed");
    expect(server.asked.size).toBe(0);
    const insecure = { jwksUrl: server.url, allowInsecure: true };
    await expect(running(insecure, tools)).rejects.toThrow(/refused in production/);
  });
});
