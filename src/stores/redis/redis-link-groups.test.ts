/** The link to a primary that Sentinels watch, and to a Cluster whose slots move. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type RedisCluster } from "../../../test/support/redis-cluster.ts";
import {
  openLinked,
  redisSettings,
  scriptOf,
  type Linked,
} from "../../../test/support/redis-linked.ts";
import { redisPrograms } from "../../../test/support/redis-programs.ts";
import { startSentinel, type RedisSentinel } from "../../../test/support/redis-sentinel.ts";
import { hasRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { StoreUnavailable } from "../store-unavailable.ts";
import type { RedisSettings } from "./redis-settings.ts";

const COUNT = scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");
const KEY = "{portcullis}:n";
const LIMIT_MS = 30_000;

const at = ({ port }: RedisServer) => ({ host: "127.0.0.1", port });

describe.skipIf(!hasRedis()).each(redisPrograms())("Sentinels on $name", ({ program }) => {
  let group: RedisSentinel;
  let linked: Linked | undefined;

  beforeAll(async () => {
    group = await startSentinel(program === undefined ? {} : { program });
  });
  afterAll(() => group.stop());
  afterEach(() => linked?.link.close());

  const open = async (changes: Partial<RedisSettings["servers"]> = {}): Promise<Linked> => {
    const addresses = group.sentinels.map(at);
    const servers = { kind: "sentinel", name: group.name, addresses, login: {}, ...changes };
    linked = await openLinked(
      redisSettings(0, { commandTimeoutMs: 1_000, servers: servers as RedisSettings["servers"] }),
    );
    return linked;
  };

  test("name the primary, and a fail-over is followed", async () => {
    const { link, states, untilState } = await open();
    await untilState("up");
    expect(await link.script(COUNT, [KEY], [1])).toBe(1);
    const old = await group.primary();
    const replica = group.servers.find((server) => server !== old);
    const valueAt = async (server: RedisServer | undefined): Promise<number> =>
      Number(await server?.command("GET", KEY));
    // Replication is not waited for by writers: what had not yet arrived would rightly be lost.
    await until("the replica has it", async () => (await valueAt(replica)) === 1, LIMIT_MS);
    const heard: string[] = [];
    await link.subscribe("news", (message) => void heard.push(message));
    await group.failOver();
    const next = await group.primary();
    expect(next).not.toBe(old);
    const isThere = (): Promise<boolean> =>
      link.script(COUNT, [KEY], [1]).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(StoreUnavailable);
          return false;
        },
      );
    await until("calls reach the new primary", isThere, LIMIT_MS);
    // A call that was given up may have been done all the same.
    expect(await valueAt(next)).toBeGreaterThanOrEqual(2);
    expect(states.slice(0, 3)).toEqual(["up", "down", "up"]);
    const isHeard = async (): Promise<boolean> => {
      await link.command(undefined, ["PUBLISH", "news", "again"]);
      await sleep(20);
      return heard.length > 0;
    };
    await until("it listens at the new primary", isHeard, LIMIT_MS);
  });

  test("a primary that is frozen is replaced, and never used again when it wakes", async () => {
    const { link, untilState } = await open();
    await untilState("up");
    const old = await group.primary();
    const next = group.servers.find((server) => server !== old) as RedisServer;
    const before = Number(await old.command("GET", KEY));
    // Replication is behind the answer: what has not arrived is lost with the primary.
    const hasIt = async (): Promise<boolean> => (await next.command("GET", KEY)) === String(before);
    await until("the replica has it", hasIt, LIMIT_MS);
    old.freeze();
    await untilState("down");
    await group.untilPrimaryIs(next);
    await untilState("up");
    old.thaw();
    expect(await link.script(COUNT, [KEY], [1])).toBe(before + 1);
    expect(await next.command("GET", KEY)).toBe(String(before + 1));
    await until("the old one follows", async () => (await role(old)) === "slave", LIMIT_MS);
  });

  test("one Sentinel that is gone does not matter", async () => {
    const [first] = group.sentinels as [RedisServer];
    await first.kill();
    await (await open()).untilState("up");
    await first.start();
  });

  test("a name that nobody knows is said to the operator", async () => {
    const { link, errors } = await open({ name: "other" });
    const isSaid = (): boolean => errors.join().includes('it knows no primary called "other"');
    await until("it is said", isSaid, LIMIT_MS);
    expect(link.state).toBe("down");
  });
});

/** Sentinels end all connections of a server that they make a replica, also that of the one who asks. */
const role = (server: RedisServer): Promise<unknown> =>
  server.command("ROLE").then(
    (said) => (said as unknown[])[0],
    () => undefined,
  );

describe.skipIf(!hasRedis()).each(redisPrograms())("a Cluster on $name", ({ program }) => {
  let cluster: RedisCluster;
  let slot: number;
  let linked: Linked;

  beforeAll(async () => {
    cluster = await startCluster(program === undefined ? {} : { program });
    slot = await cluster.slotOf(KEY);
  });
  afterAll(() => cluster.stop());
  afterEach(() => linked.link.close());

  const ownerNow = (): RedisServer => cluster.servers[cluster.ownerOf(slot)] as RedisServer;
  const open = async (servers: readonly RedisServer[]): Promise<void> => {
    const addresses = servers.map(at);
    const settings = { commandTimeoutMs: 1_000, servers: { kind: "cluster", addresses } } as const;
    linked = await openLinked(redisSettings(0, settings));
    await linked.untilState("up");
  };
  const count = (): Promise<unknown> => linked.link.script(COUNT, [KEY], [1]);
  const redirections = async (): Promise<string> => {
    const said = await Promise.all(
      cluster.servers.map((server) => server.command("INFO", "errorstats")),
    );
    return said.map((text) => /errorstat_MOVED:count=(\d+)/.exec(String(text))?.[1]).join();
  };

  test("the owner of the slot is found from any server", async () => {
    for (const server of cluster.servers) {
      await open([server]);
      expect(linked.link.state).toBe("up");
      const before = await redirections();
      expect(await count()).toEqual(expect.any(Number));
      expect(await redirections()).toBe(before);
      await linked.link.close();
    }
  });

  test("a slot that moves is followed: no call is lost and none counts twice", async () => {
    await open(cluster.servers);
    await ownerNow().command("SET", KEY, "0");
    await count();
    const target = (cluster.ownerOf(slot) + 1) % cluster.servers.length;
    await cluster.moveSlot(slot, target, async () => {
      expect(await Promise.all([count(), count()])).toEqual([2, 3]);
    });
    expect(await Promise.all([count(), count()])).toEqual([4, 5]);
    expect(await ownerNow().command("GET", KEY)).toBe("5");
    const before = await redirections();
    expect(await count()).toBe(6);
    expect(await redirections()).toBe(before);
    expect(linked.states).toEqual(["up"]);
  });

  test("calls go on while it moves", async () => {
    await open(cluster.servers);
    await ownerNow().command("SET", KEY, "0");
    const moving = new AbortController();
    let made = 0;
    const calling = (async () => {
      while (!moving.signal.aborted) {
        await count();
        made++;
      }
    })();
    for (let turn = 0; turn < 3; turn++)
      await cluster.moveSlot(slot, (cluster.ownerOf(slot) + 1) % cluster.servers.length);
    moving.abort();
    await calling;
    expect(await ownerNow().command("GET", KEY)).toBe(String(made));
    expect(linked.states).toEqual(["up"]);
  });

  test("keys of other slots and messages reach their servers", async () => {
    await open(cluster.servers);
    const keys = ["a", "b", "c", "d", "e", "f"];
    await Promise.all(keys.map((key) => linked.link.command(key, ["SET", key, key])));
    expect(await Promise.all(keys.map((key) => linked.link.command(key, ["GET", key])))).toEqual(
      keys,
    );
    const heard: string[] = [];
    await linked.link.subscribe("news", (message) => void heard.push(message));
    const isHeard = async (): Promise<boolean> => {
      await (cluster.servers[0] as RedisServer).command("PUBLISH", "news", "one");
      await sleep(20);
      return heard.length > 0;
    };
    await until("what is published at any server is heard", isHeard, LIMIT_MS);
  });

  test("an owner that dies and comes again is found again", async () => {
    await open(cluster.servers);
    const owner = ownerNow();
    await owner.kill();
    await linked.untilState("down");
    await expect(count()).rejects.toThrow(StoreUnavailable);
    await owner.start();
    await linked.untilState("up");
    await until("the Cluster is whole", () => count().then(Boolean, () => false), LIMIT_MS);
  });

  test("a Cluster that is configured as one server is said to the operator", async () => {
    const other = cluster.servers.find((server) => server !== ownerNow()) as RedisServer;
    linked = await openLinked(redisSettings(other.port));
    expect(linked.link.state).toBe("down");
    expect(linked.errors[0]).toContain("it is part of a Cluster: name its servers");
  });
});
