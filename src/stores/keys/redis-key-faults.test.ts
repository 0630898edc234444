/** API keys under any order of faults: no machine ever lets a key in again that it refused, and in the end all agree. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster } from "../../../test/support/redis-cluster.ts";
import { openLinked, redisSettings } from "../../../test/support/redis-linked.ts";
import { startRedisProxy, type RedisProxy } from "../../../test/support/redis-proxy.ts";
import { hasRedis, startRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import type { RedisSettings } from "../redis/redis-settings.ts";
import { openSharedKeyStore, type SharedKeyStore } from "./redis-key-store.ts";

const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 120_000;
const MACHINES = 3;
const RUNS = 6;
const KEYS = "{portcullis}:keys";

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function machine(path: string, settings: RedisSettings): Promise<SharedKeyStore> {
  const { link } = await openLinked(settings);
  ends.push(() => link.close());
  const store = await openSharedKeyStore({
    path,
    clock: SYSTEM_CLOCK,
    isWatching: true,
    link,
    prefix: "{portcullis}:",
    redisPollMs: 20,
  });
  ends.push(() => Promise.resolve(store.close()));
  return store;
}

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "portcullis-keys-faults-"));
  ends.push(() => Promise.resolve(rmSync(directory, { recursive: true, force: true })));
  return directory;
}

/** Ids by whether they are revoked, in order: what two machines that agree have in common. */
const stateOf = (store: SharedKeyStore): string =>
  store
    .list()
    .map(({ id, expiresAtMs, revokedAtMs }) => `${id} ${expiresAtMs} ${revokedAtMs}`)
    .toSorted()
    .join("\n");

type Step = "create" | "revoke" | "rotate" | "flush" | "drop-key" | "restore" | "cut" | "deaf";

describe.skipIf(!hasRedis())("API keys under faults", () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis?.stop());

  const step = fc.record({
    step: fc.constantFrom<Step>(
      ...(["create", "create", "revoke", "revoke", "rotate"] as const),
      ...(["flush", "drop-key", "restore", "cut", "deaf"] as const),
    ),
    at: fc.nat(MACHINES - 1),
    which: fc.nat(1_000),
    isWaiting: fc.boolean(),
  });

  test(
    "of Redis, of the way to it and of its data",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
          await redis.command("FLUSHALL");
          const directory = folder();
          const proxies: RedisProxy[] = [];
          const stores: SharedKeyStore[] = [];
          for (let at = 0; at < MACHINES; at++) {
            const proxy = await startRedisProxy(redis.port);
            ends.push(() => proxy.close());
            proxies.push(proxy);
            stores.push(await machine(join(directory, `${at}.db`), redisSettings(proxy.port)));
          }
          const refused = stores.map(() => new Set<string>());
          const look = (): void => {
            for (const [at, store] of stores.entries())
              for (const { id, revokedAtMs } of store.list()) {
                if (revokedAtMs !== undefined) refused[at]?.add(id);
                else expect(refused[at], "a revoked key came back").not.toContain(id);
              }
          };
          let kept: string[] = [];
          for (const { step: what, at, which, isWaiting } of steps) {
            const [store, proxy] = [stores[at], proxies[at]];
            if (!store || !proxy) throw new Error("no such machine");
            const all = store.list();
            const id = all[which % Math.max(1, all.length)]?.id;
            if (what === "create") store.create({ name: "n", owner: "o" });
            else if (what === "revoke" && id !== undefined) store.revoke(id);
            else if (what === "rotate" && id !== undefined) tryRotate(store, id, which);
            else if (what === "flush") await redis.command("FLUSHALL");
            else if (what === "drop-key" && id !== undefined) await redis.command("HDEL", KEYS, id);
            else if (what === "restore") {
              // An older state comes back, as from a backup; what is there then is the next one.
              const now = (await redis.command("HGETALL", KEYS)) as string[];
              await redis.command("FLUSHALL");
              if (kept.length > 0) await redis.command("HSET", KEYS, ...kept);
              kept = now;
            } else if (what === "cut") proxy.cut();
            else if (what === "deaf") proxy.isSilent = !proxy.isSilent;
            if (isWaiting) await store.synchronise();
            look();
          }
          for (const proxy of proxies) {
            proxy.isSilent = false;
            proxy.cut();
          }
          await until("all agree", () => new Set(stores.map(stateOf)).size === 1, LIMIT_MS);
          look();
          const fresh = await machine(join(directory, "fresh.db"), redisSettings(redis.port));
          await until(
            "a new one too",
            () => stateOf(fresh) === stateOf(stores[0] ?? fresh),
            LIMIT_MS,
          );
          for (const end of ends.splice(0).toReversed()) await end();
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    TEST_LIMIT_MS,
  );

  test(
    "in a Cluster whose slot moves",
    async () => {
      const cluster = await startCluster();
      ends.push(() => cluster.stop());
      const addresses = cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port }));
      const settings = redisSettings(0, {
        commandTimeoutMs: 1_000,
        servers: { kind: "cluster", addresses },
      });
      const directory = folder();
      const [a, b] = [
        await machine(join(directory, "a.db"), settings),
        await machine(join(directory, "b.db"), settings),
      ];
      const { id } = a.create({ name: "n", owner: "o" }).record;
      await until("the other knows the key", () => b.find(id) !== undefined, LIMIT_MS);
      const slot = await cluster.slotOf(KEYS);
      await cluster.moveSlot(slot, (cluster.ownerOf(slot) + 1) % cluster.servers.length);
      b.revoke(id);
      await until(
        "the first knows of the revocation",
        () => a.find(id)?.record.revokedAtMs !== undefined,
        LIMIT_MS,
      );
    },
    TEST_LIMIT_MS,
  );
});

/** Many a key cannot be rotated any more; that is not what is tested. */
function tryRotate(store: SharedKeyStore, id: string, graceMs: number): void {
  try {
    store.rotate(id, { graceMs });
  } catch {
    return;
  }
}
