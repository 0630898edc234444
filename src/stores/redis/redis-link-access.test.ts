/** How the link proves who it is, and how it makes sure whom it talks to: ACL, TLS, certificates of both sides. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createDevelopmentCa, type DevelopmentCa } from "../../../test/support/certificates.ts";
import {
  openLinked,
  redisSettings,
  scriptOf,
  type Linked,
} from "../../../test/support/redis-linked.ts";
import { redisPrograms } from "../../../test/support/redis-programs.ts";
import { hasRedis, startRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { StoreUnavailable } from "../store-unavailable.ts";
import type { RedisSettings, RedisTls } from "./redis-settings.ts";

const COUNT = scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");
const KEY = "{portcullis}:n";
const LIMIT_MS = 20_000;
const PASSWORD = "correct horse battery staple";
const kept = (text: string) => ({ reveal: () => text });

describe.skipIf(!hasRedis()).each(redisPrograms())("on $name", ({ program }) => {
  const by = program === undefined ? {} : { program };
  let linked: Linked | undefined;
  afterEach(() => linked?.link.close());

  const open = async (port: number, changes: Partial<RedisSettings>): Promise<Linked> => {
    linked = await openLinked(redisSettings(port, { commandTimeoutMs: 2_000, ...changes }));
    const { link, errors } = linked;
    const isSettled = (): boolean => link.state === "up" || errors.length > 0;
    await until("it is up or says why not", isSettled, LIMIT_MS);
    return linked;
  };

  describe("with an ACL", () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedis({
        ...by,
        args: ["--requirepass", "admin"],
        auth: { password: "admin" },
      });
      const rights = ["on", `>${PASSWORD}`, "~{portcullis}:*", "&{portcullis}:*", "-@all"];
      const commands = ["+set", "+get", "+ping", "+eval", "+evalsha", "+incrby"];
      await server.command("ACL", "SETUSER", "gateway", ...rights, ...commands);
    });
    afterAll(() => server.stop());

    test("a user with few rights is enough", async () => {
      const { link } = await open(server.port, {
        login: { user: "gateway", password: kept(PASSWORD) },
      });
      expect(link.state).toBe("up");
      expect(await link.script(COUNT, [KEY], [1])).toBe(1);
    });

    test("what it may not do is refused, told, and shuts nothing", async () => {
      const { link, errors } = await open(server.port, {
        login: { user: "gateway", password: kept(PASSWORD) },
      });
      await expect(link.command("other", ["GET", "other"])).rejects.toThrow(StoreUnavailable);
      expect(errors.join("; ")).toContain("its ACL does not allow what the gateway needs");
      expect(link.state).toBe("up");
    });

    test("a password alone is that of the default user", async () => {
      const { link } = await open(server.port, { login: { password: kept("admin") } });
      expect(link.state).toBe("up");
    });

    test.each([
      [{ user: "gateway", password: kept("guess") }, "the user or password is wrong"],
      [{ user: "nobody", password: kept(PASSWORD) }, "the user or password is wrong"],
      [{}, "it asks for a password: set store.password"],
    ])("%j is refused with a word for the operator", async (login, told) => {
      const { link, errors } = await open(server.port, { login });
      expect(link.state).toBe("down");
      expect(errors[0]).toContain(told);
      expect(errors.join()).not.toContain("guess");
      await expect(link.command(KEY, ["GET", KEY])).rejects.toThrow(StoreUnavailable);
    });
  });

  describe("with TLS", () => {
    let folder: string;
    let ca: DevelopmentCa;
    let other: DevelopmentCa;
    let server: RedisServer;
    let shown: { certificate: string; key: { reveal(): string } };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "portcullis-redis-tls-"));
      [ca, other] = await Promise.all([createDevelopmentCa(), createDevelopmentCa("another")]);
      const own = await ca.issue({
        commonName: "redis",
        usage: "server",
        ipAddresses: ["127.0.0.1"],
        dnsNames: ["redis.example.bank"],
      });
      const caller = await ca.issue({ commonName: "gateway", usage: "caller" });
      shown = { certificate: caller.certificatePem, key: kept(caller.keyPem) };
      const write = async (name: string, text: string): Promise<string> => {
        await writeFile(join(folder, name), text, { mode: 0o600 });
        return join(folder, name);
      };
      server = await startRedis({
        ...by,
        tls: {
          ca: await write("ca.crt", ca.certificatePem),
          cert: await write("redis.crt", own.certificatePem),
          key: await write("redis.key", own.keyPem),
          caller: {
            cert: await write("caller.crt", caller.certificatePem),
            key: await write("caller.key", caller.keyPem),
          },
        },
      });
    });
    afterAll(async () => {
      await server.stop();
      await rm(folder, { recursive: true });
    });

    test("both show their certificates", async () => {
      const { link } = await open(server.port, { tls: { ca: ca.certificatePem, ...shown } });
      expect(link.state).toBe("up");
      expect(await link.script(COUNT, [KEY], [1])).toBe(1);
    });

    test("the name that the certificate must carry can be set", async () => {
      const tls = { ca: ca.certificatePem, ...shown, serverName: "redis.example.bank" };
      expect((await open(server.port, { tls })).link.state).toBe("up");
    });

    const refused: readonly (readonly [string, () => RedisTls | undefined, RegExp])[] = [
      ["no certificate shown", () => ({ ca: ca.certificatePem }), /asks? for a client certificate/],
      [
        "a certificate of another authority shown",
        () => ({ ca: ca.certificatePem, ...strangers }),
        /does not trust the certificate|closed the connection/,
      ],
      [
        "another authority trusted",
        () => ({ ca: other.certificatePem, ...shown }),
        /store\.tls\.ca/,
      ],
      ["none but the platform's trusted", () => ({ ...shown }), /store\.tls\.ca/],
      [
        "another name asked for",
        () => ({ ca: ca.certificatePem, ...shown, serverName: "other.example.bank" }),
        /store\.tls\.serverName/,
      ],
      ["no TLS", () => undefined, /closed the connection|speak TLS/],
    ];
    let strangers: { certificate: string; key: { reveal(): string } };
    beforeAll(async () => {
      const stranger = await other.issue({ commonName: "gateway", usage: "caller" });
      strangers = { certificate: stranger.certificatePem, key: kept(stranger.keyPem) };
    });

    test.each(refused)("with %s it stays down and says why", async (_name, tls, told) => {
      const { link, errors } = await open(server.port, { tls: tls() });
      expect(link.state).toBe("down");
      expect(errors[0]).toMatch(told);
    });

    test("TLS to a server that does not speak it is said", async () => {
      const plain = await startRedis(by);
      const { link, errors } = await open(plain.port, { tls: { ca: ca.certificatePem } });
      expect(link.state).toBe("down");
      expect(errors[0]).toMatch(/does not speak TLS/);
      await plain.stop();
    });
  });
});
