/**
 * API keys of two gateways on one Redis, as callers and the operator's command see them: a key works at both, a revoked
 * one at neither, and no fault of the Redis brings it back.
 */
import { afterEach, describe, expect, test } from "vitest";
import { formatKey, parseKey } from "../../src/stores/keys/key-format.ts";
import { runCommand, type Finished } from "../cli/command.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { CALLER } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

/** Machines are busy; asserted is that it happens. */
const PATIENCE_MS = 20_000;
const TEST_LIMIT_MS = 6 * PATIENCE_MS;

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function redis(): Promise<RedisServer> {
  const server = await startRedis();
  endings.push(() => server.stop());
  return server;
}

/** Each has a folder of its own, as on a machine of its own. */
async function gatewayOn({ port }: { readonly port: number }): Promise<TestGateway> {
  const gateway = await startGateway({
    config: { store: { kind: "redis", url: `redis://127.0.0.1:${port}` } },
  });
  endings.push(() => gateway.close());
  return gateway;
}

interface Made {
  readonly id: string;
  readonly key: string;
}

const command = (gateway: TestGateway, ...args: string[]): Promise<Finished> =>
  runCommand(["key", ...args, "--config", gateway.configPath]);

const CREATE = `create nightly --owner ${CALLER} --tenant retail --scope predict:churn --json`;

/** As a process of that machine that does not speak to Redis. */
function make(gateway: TestGateway): Made {
  const issued = gateway.keys().create({
    name: "nightly",
    owner: CALLER,
    tenant: "retail",
    scopes: ["predict:churn"],
  });
  return { id: issued.record.id, key: issued.reveal() };
}

async function makeByCommand(gateway: TestGateway): Promise<Made> {
  const made = await command(gateway, ...CREATE.split(" "));
  expect(made).toMatchObject({ code: 0, stderr: "" });
  return JSON.parse(made.stdout) as Made;
}

async function statusAt(gateway: TestGateway, { key }: Made): Promise<number> {
  const { status } = await gateway.call({
    method: "POST",
    path: "/churn/v2/predict",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: "{}",
  });
  return status;
}

const eventsOf = ({ record }: TestGateway): unknown[] =>
  record
    .lines()
    .filter(({ kind }) => kind === "key")
    .map((line) => [line["event"], line["key_id"]]);

const answers = (gateway: TestGateway, made: Made, status: number): Promise<void> =>
  until(
    `it answers ${status}`,
    async () => (await statusAt(gateway, made)) === status,
    PATIENCE_MS,
  );

describe.skipIf(!hasRedis())("API keys of two gateways on one Redis", () => {
  test(
    "made at one works at the other, rotated and revoked there is so here; each is on record once",
    async () => {
      const server = await redis();
      const [here, there] = [await gatewayOn(server), await gatewayOn(server)];
      const made = await makeByCommand(here);
      await answers(there, made, 200);
      await answers(here, made, 200);
      const rotated = await command(there, "rotate", made.id, "--grace", "0s", "--json");
      expect(rotated).toMatchObject({ code: 0, stderr: "" });
      const fresh = JSON.parse(rotated.stdout) as Made;
      await answers(here, made, 401);
      await answers(here, fresh, 200);
      expect(await command(there, "revoke", fresh.id)).toMatchObject({ code: 0, stderr: "" });
      await answers(here, fresh, 401);
      await answers(there, fresh, 401);
      expect((await command(here, "list")).stdout).toContain(`${fresh.id}  revoked`);
      await until("all is on record", () => eventsOf(there).length > 1, PATIENCE_MS);
      expect(eventsOf(here)).toEqual([["create", made.id]]);
      expect(eventsOf(there)).toEqual([
        ["rotate", fresh.id],
        ["revoke", fresh.id],
      ]);
    },
    TEST_LIMIT_MS,
  );

  test(
    "messages that are lost are made up for",
    async () => {
      const server = await redis();
      const [here, there] = [await gatewayOn(server), await gatewayOn(server)];
      const made = make(here);
      await answers(there, made, 200);
      // From here on nobody may publish, and nobody is told.
      await server.command("ACL", "SETUSER", "default", "-publish");
      here.keys().revoke(made.id);
      await answers(there, made, 401);
    },
    TEST_LIMIT_MS,
  );

  test(
    "with Redis stopped keys work, a command says that the others do not know yet, and they learn when it is back",
    async () => {
      const server = await redis();
      const [here, there] = [await gatewayOn(server), await gatewayOn(server)];
      const made = make(here);
      await answers(there, made, 200);
      await server.stop();
      expect([await statusAt(here, made), await statusAt(there, made)]).toEqual([200, 200]);
      const revoked = await command(here, "revoke", made.id);
      expect(revoked.code).toBe(2);
      expect(revoked.stdout).toContain(`revoked ${made.id}`);
      expect(revoked.stderr).toMatch(/warning: Redis does not answer/);
      await answers(here, made, 401);
      const late = await command(here, ...CREATE.split(" "));
      expect(late.code).toBe(2);
      const other = JSON.parse(late.stdout) as Made;
      await answers(here, other, 200);
      const unknown = await command(there, "revoke", other.id);
      expect(unknown.stderr).toMatch(/Redis does not answer/);
      expect(unknown.stderr).toMatch(/no key/);
      await server.start();
      await answers(there, made, 401);
      await answers(there, other, 200);
    },
    TEST_LIMIT_MS,
  );

  test(
    "a gateway that starts while Redis is away knows what its file knows",
    async () => {
      const server = await redis();
      const here = await gatewayOn(server);
      const [kept, ended] = [make(here), make(here)];
      here.keys().revoke(ended.id);
      await here.check();
      await server.kill();
      await here.portcullis.close();
      const again = await startGateway({
        config: {
          store: {
            kind: "redis",
            url: `redis://127.0.0.1:${server.port}`,
            path: `${here.folder}/portcullis.db`,
          },
        },
      });
      endings.push(() => again.close());
      expect([await statusAt(again, kept), await statusAt(again, ended)]).toEqual([200, 401]);
    },
    TEST_LIMIT_MS,
  );

  test(
    "after FLUSHALL keys still work, a revoked one does not come back, and a new gateway learns both",
    async () => {
      const server = await redis();
      const [here, there] = [await gatewayOn(server), await gatewayOn(server)];
      const [kept, ended] = [make(here), make(there)];
      await answers(there, kept, 200);
      await answers(here, ended, 200);
      here.keys().revoke(ended.id);
      await answers(there, ended, 401);
      await server.command("FLUSHALL");
      await until(
        "the keys are there again",
        async () => Number(await server.command("HLEN", "{portcullis}:keys")) === 2,
        PATIENCE_MS,
      );
      const fresh = await gatewayOn(server);
      for (const gateway of [here, there, fresh])
        expect([await statusAt(gateway, kept), await statusAt(gateway, ended)]).toEqual([200, 401]);
    },
    TEST_LIMIT_MS,
  );

  test(
    "an entry that somebody forged unsoundly lets nobody in",
    async () => {
      const server = await redis();
      const here = await gatewayOn(server);
      const [made, model] = [make(here), make(here)];
      await answers(here, model, 200);
      await until(
        "the keys are shared",
        async () => Number(await server.command("HLEN", "{portcullis}:keys")) === 2,
        PATIENCE_MS,
      );
      // The hash of a secret that the forger knows, under a lifetime that no key has.
      const sound = String(await server.command("HGET", "{portcullis}:keys", model.id));
      await server.command("DEL", "{portcullis}:keys", "{portcullis}:keys:log");
      const there = await gatewayOn(server);
      await until(
        "the keys are there again",
        async () => Number(await server.command("HLEN", "{portcullis}:keys")) === 2,
        PATIENCE_MS,
      );
      const forgedId = "forgedKey0";
      const { secret = "" } = parseKey(model.key) ?? {};
      const key = formatKey({ id: forgedId, secret });
      const forged = sound.replaceAll(model.id, forgedId).replace(/^\d+/, "9007199254740991");
      await server.command("HSET", "{portcullis}:keys", forgedId, forged);
      const isTold = (gateway: TestGateway): boolean =>
        gateway.logLines().some((line) => JSON.stringify(line).includes(forgedId));
      await until("both tell", () => isTold(here) && isTold(there), PATIENCE_MS);
      for (const gateway of [here, there]) {
        const known = gateway
          .keys()
          .list()
          .map(({ id }) => id);
        expect(known).not.toContain(forgedId);
        expect(known).toContain(made.id);
        expect(await statusAt(gateway, made)).toBe(200);
        expect(await statusAt(gateway, { id: forgedId, key })).toBe(401);
      }
    },
    TEST_LIMIT_MS,
  );

  test(
    "a Redis that takes 120 ms to answer still carries a revocation",
    async () => {
      const server = await redis();
      const proxy = await startRedisProxy(server.port);
      endings.push(() => proxy.close());
      const [here, there] = [await gatewayOn(server), await gatewayOn(proxy)];
      const made = make(here);
      await answers(there, made, 200);
      proxy.delayMs = 60;
      here.keys().revoke(made.id);
      await answers(there, made, 401);
    },
    TEST_LIMIT_MS,
  );
});
