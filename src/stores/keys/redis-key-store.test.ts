/** API keys of several machines on a real Redis: carried, kept without it, and put back when it forgets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openLinked, redisSettings } from "../../../test/support/redis-linked.ts";
import { hasRedis, startRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import type { RedisLink } from "../redis/redis-link.ts";
import { keyText } from "./key-entry.ts";
import { parseKey } from "./key-format.ts";
import type { KeyDraft } from "./key-store.ts";
import { MERGE } from "./redis-key-scripts.ts";
import {
  openSharedKeyStore,
  type SharedKeyStore,
  type SharedKeyStoreOptions,
} from "./redis-key-store.ts";

const LIMIT_MS = 20_000;
const KEYS = "{portcullis}:keys";
const LOG = "{portcullis}:keys:log";
const DRAFT: KeyDraft = { name: "nightly", owner: "core-banking", tenant: "retail" };

let redis: RedisServer;
let directory: string;
const ends: (() => Promise<void>)[] = [];

interface Machine {
  readonly store: SharedKeyStore;
  readonly said: string[];
  close(): void;
}

async function linkTo(port: number): Promise<RedisLink> {
  const { link } = await openLinked(redisSettings(port, { commandTimeoutMs: 2_000 }));
  ends.push(() => link.close());
  return link;
}

/** Another name is another file. */
async function machine(
  name: string,
  options: Partial<SharedKeyStoreOptions> = {},
): Promise<Machine> {
  const said: string[] = [];
  const store = await openSharedKeyStore({
    path: join(directory, `${name}.db`),
    clock: SYSTEM_CLOCK,
    isWatching: true,
    link: options.link ?? (await linkTo(redis.port)),
    prefix: "{portcullis}:",
    pollMs: 20,
    redisPollMs: 50,
    onTrouble: (message, error) => said.push(`${message} ${String(error)}`),
    ...options,
  });
  const close = (): void => store.close();
  ends.push(() => Promise.resolve(close()));
  return { store, said, close };
}

const changed = (link: RedisLink, over: Partial<RedisLink>): RedisLink =>
  new Proxy(link, {
    get(of, name) {
      const value: unknown = Reflect.get(name in over ? over : of, name);
      return typeof value === "function" ? value.bind(of) : value;
    },
  });

const knows = (one: Machine, id: string): Promise<void> =>
  until("it knows the key", () => one.store.find(id) !== undefined, LIMIT_MS);
const isRevoked = (one: Machine, id: string): boolean =>
  one.store.find(id)?.record.revokedAtMs !== undefined;
const refuses = (one: Machine, id: string): Promise<void> =>
  until("it knows of the revocation", () => isRevoked(one, id), LIMIT_MS);
const remote = async (id: string): Promise<string> => String(await redis.command("HGET", KEYS, id));

describe.skipIf(!hasRedis())("API keys of several machines", () => {
  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis?.stop());

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "portcullis-keys-redis-"));
  });

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
    if (!redis.isRunning) await redis.start();
    await redis.command("FLUSHALL");
    rmSync(directory, { recursive: true, force: true });
  });

  test("a key made, rotated and revoked on one is so on the other; its text is nowhere, its events where it was done", async () => {
    const [a, b] = [await machine("a"), await machine("b")];
    const issued = a.store.create(DRAFT);
    const { id, secret } = parseKey(issued.reveal()) ?? { id: "", secret: "" };
    await knows(b, id);
    expect(b.store.find(id)).toEqual(a.store.find(id));
    const { record: fresh } = b.store.rotate(id, { graceMs: 1_000 });
    await knows(a, fresh.id);
    await until(
      "the old key's end is known",
      () => a.store.find(id)?.record.expiresAtMs === b.store.find(id)?.record.expiresAtMs,
      LIMIT_MS,
    );
    expect(() => a.store.rotate(id)).toThrow(/already rotated/);
    a.store.revoke(fresh.id);
    await refuses(b, fresh.id);
    expect(b.store.list().map(({ id: one }) => one)).toEqual(
      a.store.list().map(({ id: one }) => one),
    );
    expect(a.store.pendingEvents(10).map(({ event }) => event)).toEqual(["create", "revoke"]);
    expect(b.store.pendingEvents(10).map(({ event }) => event)).toEqual(["rotate"]);
    const held = JSON.stringify(await redis.command("HGETALL", KEYS));
    expect(held).toContain(id);
    expect(held).not.toContain(secret);
  });

  test("a revocation is known elsewhere within a second, whether a message brings it or none does", async () => {
    const deaf = changed(await linkTo(redis.port), {
      subscribe: () => Promise.resolve(() => Promise.resolve()),
    });
    const usual = { redisPollMs: 400, pollMs: 200 };
    const [a, b, c] = [
      await machine("a", usual),
      await machine("b", usual),
      await machine("c", { ...usual, link: deaf }),
    ];
    const { id } = a.store.create(DRAFT).record;
    await knows(b, id);
    await knows(c, id);
    const startMs = performance.now();
    a.store.revoke(id);
    await refuses(b, id);
    const heardMs = performance.now() - startMs;
    await refuses(c, id);
    const polledMs = performance.now() - startMs;
    console.info(
      `a revocation came by message in ${heardMs.toFixed(1)} ms, by polling in ${polledMs.toFixed(1)} ms`,
    );
  });

  test("a subscription that refuses is asked for again, and does no harm", async () => {
    let asked = 0;
    const refusing = changed(await linkTo(redis.port), {
      subscribe: () => {
        asked++;
        return Promise.reject(new Error("no permission"));
      },
    });
    const [a, b] = [await machine("a"), await machine("b", { link: refusing })];
    await knows(b, a.store.create(DRAFT).record.id);
    await until("it is asked for again", () => asked > 1, LIMIT_MS);
  });

  test("a machine that comes later knows before it serves", async () => {
    const a = await machine("a");
    const [one, other] = [a.store.create(DRAFT).record.id, a.store.create(DRAFT).record.id];
    a.store.revoke(other);
    expect(await a.store.synchronise()).toBe(true);
    const b = await machine("b");
    expect(b.store.find(one)).toEqual(a.store.find(one));
    expect(isRevoked(b, other)).toBe(true);
  });

  test("without Redis keys work and revocations hold, over a restart too, and are passed on when it is back", async () => {
    const [a, b] = [await machine("a"), await machine("b")];
    const { id } = a.store.create(DRAFT).record;
    await knows(b, id);
    await redis.kill();
    a.store.revoke(id);
    const made = a.store.create(DRAFT).record.id;
    expect(await a.store.synchronise()).toBe(false);
    expect([isRevoked(a, id), isRevoked(b, id)]).toEqual([true, false]);
    a.close();
    const again = await machine("a");
    expect([isRevoked(again, id), isRevoked(again, made)]).toEqual([true, false]);
    await redis.start();
    await refuses(b, id);
    await knows(b, made);
  });

  test("a server that stands still delays nobody", async () => {
    const [a, b] = [await machine("a"), await machine("b")];
    redis.freeze();
    const { id } = a.store.create(DRAFT).record;
    a.store.revoke(id);
    expect(isRevoked(a, id)).toBe(true);
    redis.thaw();
    await refuses(b, id);
  });

  test("what a command does while Redis is away, the gateway of its machine passes on", async () => {
    const [gateway, far] = [await machine("here"), await machine("there")];
    await redis.kill();
    const command = await machine("here", { isWatching: false });
    const { id } = command.store.create(DRAFT).record;
    expect(await command.store.synchronise()).toBe(false);
    command.close();
    await knows(gateway, id);
    await redis.start();
    await knows(far, id);
  });

  test("a flushed Redis is filled again, and no revoked key comes back", async () => {
    const [a, b] = [await machine("a"), await machine("b")];
    const [one, other] = [a.store.create(DRAFT).record.id, a.store.create(DRAFT).record.id];
    await knows(b, other);
    b.store.revoke(other);
    await refuses(a, other);
    await redis.command("FLUSHALL");
    await until(
      "it is filled again",
      async () => Number(await redis.command("HLEN", KEYS)) === 2,
      LIMIT_MS,
    );
    const c = await machine("c");
    expect([isRevoked(c, one), isRevoked(c, other)]).toEqual([false, true]);
    expect([isRevoked(a, other), isRevoked(b, other)]).toEqual([true, true]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["with its history gone", () => redis.command("DEL", LOG)],
    [
      "with another history",
      async () => {
        await redis.command("DEL", LOG);
        await redis.command("XADD", LOG, "*", "key", "0000000000");
      },
    ],
  ])("a Redis set back to an older state %s is put right", async (_, setHistoryBack) => {
    const [a, b] = [await machine("a"), await machine("b")];
    const { id } = a.store.create(DRAFT).record;
    await knows(b, id);
    const before = await remote(id);
    a.store.revoke(id);
    await refuses(b, id);
    await redis.command("HSET", KEYS, id, before);
    await setHistoryBack();
    await until("it is put right", async () => (await remote(id)) !== before, LIMIT_MS);
    expect(isRevoked(await machine("c"), id)).toBe(true);
  });

  test("a part of the keys that is lost is put back", async () => {
    const [a, b] = [await machine("a"), await machine("b")];
    const [one, other] = [a.store.create(DRAFT).record.id, a.store.create(DRAFT).record.id];
    await knows(b, other);
    await redis.command("HDEL", KEYS, one);
    await until("it is there again", async () => (await remote(one)).includes(one), LIMIT_MS);
  });

  test("a value that is set back past the history is noticed when the keys are reviewed", async () => {
    let aheadMs = 0;
    const clock = {
      nowMs: () => SYSTEM_CLOCK.nowMs(),
      monotonicMs: () => SYSTEM_CLOCK.monotonicMs() + aheadMs,
    };
    const a = await machine("a", { clock });
    const { id } = a.store.create(DRAFT).record;
    expect(await a.store.synchronise()).toBe(true);
    const before = await remote(id);
    a.store.revoke(id);
    expect(await a.store.synchronise()).toBe(true);
    await redis.command("HSET", KEYS, id, before);
    aheadMs = 10_000;
    await until("it is put right", async () => (await remote(id)) !== before, LIMIT_MS);
    expect(isRevoked(a, id)).toBe(true);
  });

  test("two machines that rotate the same key at the same time both keep their word", async () => {
    const [a, b] = [await machine("a"), await machine("b")];
    const { id } = a.store.create(DRAFT).record;
    await knows(b, id);
    await redis.kill();
    const one = a.store.rotate(id, { graceMs: 5_000 }).record;
    const other = b.store.rotate(id, { graceMs: 1_000 }).record;
    await redis.start();
    await knows(a, other.id);
    await knows(b, one.id);
    const endsAtMs = (from: Machine): number | undefined => from.store.find(id)?.record.expiresAtMs;
    await until("both know the earlier end", () => endsAtMs(a) === endsAtMs(b), LIMIT_MS);
    expect(a.store.find(one.id)).toEqual(b.store.find(one.id));
  });

  test("hundreds of keys, at once and one after the other, whole and without those they replace", async () => {
    await redis.kill();
    const a = await machine("a");
    const made = Array.from({ length: 600 }, () => a.store.create(DRAFT).record.id);
    const successor = a.store.rotate(made[0] ?? "").record.id;
    await redis.start();
    await until(
      "all are there",
      async () => Number(await redis.command("HLEN", KEYS).catch(() => 0)) === 601,
      LIMIT_MS,
    );
    const b = await machine("b");
    expect(b.store.list()).toHaveLength(601);
    for (const id of made) a.store.revoke(id);
    await until("all are revoked", () => made.every((id) => isRevoked(b, id)), LIMIT_MS);
    a.close();
    b.close();
    await redis.command("HDEL", KEYS, ...made);
    const c = await machine("c");
    expect(c.store.list().map(({ id }) => id)).toEqual([successor]);
  }, 60_000);

  test("what lies in Redis and is no key is told once and lets nobody in; one that is known is put right", async () => {
    const a = await machine("a");
    const { id } = a.store.create(DRAFT).record;
    expect(await a.store.synchronise()).toBe(true);
    const sound = await remote(id);
    const forge = (name: string, value: string): Promise<unknown> =>
      redis.command("HSET", KEYS, name, value);
    await forge(id, "0|0|{}");
    await forge("aaaaaaaaaa", sound);
    await forge("bbbbbbbbbb", "9999999999999|nonsense");
    await forge("cccccccccc", "x".repeat(300_000));
    await forge(
      "dddddddddd",
      sound.replaceAll(id, "dddddddddd").replace(/^\d+/, "9007199254740991"),
    );
    await until("all are told", () => a.said.length >= 5, LIMIT_MS);
    await until("the known one is put right", async () => (await remote(id)) === sound, LIMIT_MS);
    const b = await machine("b");
    expect(b.store.list().map((key) => key.id)).toEqual([id]);
    expect(a.store.list().map((key) => key.id)).toEqual([id]);
    expect(isRevoked(a, id)).toBe(false);
    await redis.command("DEL", LOG);
    await a.store.synchronise();
    await until("it was read again", async () => a.store.synchronise(), LIMIT_MS);
    expect(a.said).toHaveLength(5);
    expect(b.said).toHaveLength(4);
    for (const text of [...a.said, ...b.said]) expect(text.length).toBeLessThan(200);
  });

  test("another key under an id that is known does not take its place, but its end counts", async () => {
    const a = await machine("a");
    const { id } = a.store.create(DRAFT).record;
    const stored = a.store.find(id);
    if (!stored) throw new Error("no key");
    const forged = keyText({ ...stored, secretSha256: Buffer.alloc(32, 7) });
    const { expiresAtMs } = stored.record;
    expect(await a.store.synchronise()).toBe(true);
    await redis.command("FLUSHALL");
    await redis.command("HSET", KEYS, id, `${expiresAtMs}||${forged}`);
    await until("it is told", () => a.said.length > 0, LIMIT_MS);
    expect(a.said[0]).toMatch(/another API key under an id that is known/);
    expect(a.store.find(id)?.secretSha256).toEqual(stored.secretSha256);
    await redis.command("HSET", KEYS, id, `${expiresAtMs}|${Date.now()}|${forged}`);
    await redis.command("XADD", LOG, "*", "key", id);
    await refuses(a, id);
    expect(a.store.find(id)?.secretSha256).toEqual(stored.secretSha256);
    expect(a.said).toHaveLength(1);
  });

  test("Redis keeps the earlier of each end, and the first text, whoever comes last", async () => {
    const link = await linkTo(redis.port);
    const send = (...entry: (string | number)[]): Promise<unknown> =>
      link.script(MERGE, [KEYS, LOG], ["none", "aaaaaaaaaa", ...entry]);
    const changes = async (): Promise<number> => Number(await redis.command("XLEN", LOG));
    await send("merge", 100, "", "first");
    await send("merge", 200, "", "second");
    expect(await remote("aaaaaaaaaa")).toBe("100||first");
    expect(await changes()).toBe(1);
    await send("merge", 300, 50, "third");
    expect(await remote("aaaaaaaaaa")).toBe("100|50|first");
    await send("merge", 90, "", "first");
    expect(await remote("aaaaaaaaaa")).toBe("90|50|first");
    await send("merge", 1_000, 400, "first");
    await send("merge", 1_000, 9, "first");
    expect(await remote("aaaaaaaaaa")).toBe("90|9|first");
    expect(await changes()).toBe(4);
    await send("replace", 500, "", "right");
    expect(await remote("aaaaaaaaaa")).toBe("500||right");
  });

  test("another program's data in the place of the keys is told, and costs nobody a key", async () => {
    const a = await machine("a");
    const { id } = a.store.create(DRAFT).record;
    expect(await a.store.synchronise()).toBe(true);
    await redis.command("DEL", KEYS);
    await redis.command("SET", KEYS, "another program's");
    await until("it is told", () => a.said.length > 0, LIMIT_MS);
    expect(a.said[0]).toMatch(/cannot be shared/);
    expect(a.store.find(id)).toBeDefined();
    await redis.command("DEL", KEYS);
    await until("it is put back", async () => (await remote(id)).includes(id), LIMIT_MS);
    expect(a.said).toHaveLength(1);
  });
});
