/** What the link does when its server or the way to it fails: it goes down at the first sign, and comes up by itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  openLinked,
  redisSettings,
  scriptOf,
  type Linked,
} from "../../../test/support/redis-linked.ts";
import { redisPrograms } from "../../../test/support/redis-programs.ts";
import { startRedisProxy, type RedisProxy } from "../../../test/support/redis-proxy.ts";
import { hasRedis, startRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { StoreUnavailable } from "../store-unavailable.ts";

const COUNT = scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");
const FILL = scriptOf("return redis.call('SET', KEYS[1], string.rep('x', 4096))");
const KEY = "{portcullis}:n";
const LIMIT_MS = 20_000;
/** Long enough for a busy machine, and still soon. */
const SOON = { commandTimeoutMs: 500 };
/** No health check of its own accord: what is noticed is noticed by calls. */
const NEVER_MS = 3_600_000;

interface World {
  readonly server: RedisServer;
  readonly proxy: RedisProxy;
}

interface Fault {
  readonly name: string;
  readonly begin: (world: World) => unknown;
  readonly end: (world: World) => unknown;
  /** What the operator reads, at the beginning or while it lasts. */
  readonly told: RegExp;
}

const config = (name: string, value: string) => (world: World) =>
  world.server.command("CONFIG", "SET", name, value);

const FAULTS: readonly Fault[] = [
  {
    name: "it is killed",
    begin: ({ server }) => server.kill(),
    end: ({ server }) => server.start(),
    told: /closed the connection/,
  },
  {
    name: "it is stopped",
    begin: ({ server }) => server.stop(),
    end: ({ server }) => server.start(),
    told: /closed the connection/,
  },
  {
    name: "it is frozen",
    begin: ({ server }) => server.freeze(),
    end: ({ server }) => server.thaw(),
    told: /no answer within 500 ms/,
  },
  {
    name: "the network falls silent",
    begin: ({ proxy }) => Object.assign(proxy, { isSilent: true }),
    end: ({ proxy }) => Object.assign(proxy, { isSilent: false }),
    told: /no answer within 500 ms/,
  },
  {
    name: "the network is too slow",
    begin: ({ proxy }) => Object.assign(proxy, { delayMs: 1_200 }),
    end: ({ proxy }) => Object.assign(proxy, { delayMs: 0 }),
    told: /no answer within 500 ms/,
  },
  {
    name: "connections are cut and refused",
    begin: ({ proxy }) => {
      proxy.isRefusing = true;
      proxy.cut();
    },
    end: ({ proxy }) => Object.assign(proxy, { isRefusing: false }),
    told: /closed the connection/,
  },
  {
    name: "its memory is full",
    begin: config("maxmemory", "1"),
    end: config("maxmemory", "0"),
    told: /its memory is full: raise maxmemory/,
  },
  {
    name: "it becomes a replica",
    begin: ({ server }) => server.command("REPLICAOF", "127.0.0.1", "1"),
    end: ({ server }) => server.command("REPLICAOF", "NO", "ONE"),
    told: /it is a replica/,
  },
  {
    name: "it has too few replicas to take writes",
    begin: config("min-replicas-to-write", "1"),
    end: config("min-replicas-to-write", "0"),
    told: /it takes no writes/,
  },
];

describe.skipIf(!hasRedis()).each(redisPrograms())("on $name", ({ program }) => {
  const by = program === undefined ? {} : { program };
  let server: RedisServer;
  let proxy: RedisProxy;
  let linked: Linked;

  beforeAll(async () => {
    server = await startRedis(by);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    proxy = await startRedisProxy(server.port);
    linked = await openLinked(
      redisSettings(proxy.port, { ...SOON, healthCheckIntervalMs: NEVER_MS }),
    );
    await linked.untilState("up");
    await until("both connections are there", () => proxy.open === 2, LIMIT_MS);
  });
  afterEach(async () => {
    await linked.link.close();
    await proxy.close();
  });

  const count = (): Promise<unknown> => linked.link.script(COUNT, [KEY], [1]);

  test.each(FAULTS)(
    "when $name the first call that fails shuts it, and it opens when that is over",
    async ({ begin, end, told }) => {
      expect(await count()).toBe(1);
      await begin({ server, proxy });
      try {
        const calls = await Promise.allSettled([count(), count(), count()]);
        for (const call of calls)
          expect(call).toMatchObject({ reason: expect.any(StoreUnavailable) });
        await linked.untilState("down");
        await expect(count()).rejects.toThrow(StoreUnavailable);
        await until("the operator reads why", () => linked.errors.some((said) => told.test(said)));
      } finally {
        await end({ server, proxy });
      }
      await linked.untilState("up");
      expect(await count()).toEqual(expect.any(Number));
      expect(linked.states).toEqual(["up", "down", "up"]);
    },
  );

  test("a memory that fills up while it works shuts it, and room opens it again", async () => {
    await linked.link.script(FILL, [KEY], []);
    const used = /used_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1];
    await server.command("CONFIG", "SET", "maxmemory", String(used));
    const write = (index: number): Promise<unknown> =>
      linked.link.script(FILL, [`{portcullis}:${index}`], []);
    const written = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => write(i)));
    expect(written.filter(({ status }) => status === "fulfilled").length).toBeLessThan(20);
    await linked.untilState("down");
    await server.command("CONFIG", "SET", "maxmemory", "0");
    await linked.untilState("up");
  });

  test("200 ms each way of the network are borne when the command timeout allows it", async () => {
    await linked.link.close();
    proxy.delayMs = 100;
    linked = await openLinked(redisSettings(proxy.port, { commandTimeoutMs: 2_000 }));
    await linked.untilState("up");
    expect(await Promise.all([count(), count(), count()])).toEqual([1, 2, 3]);
    expect(linked.states).toEqual(["up"]);
  });

  test("what one client asks too long of the server is over when it is over", async () => {
    await server.command("CONFIG", "SET", "busy-reply-threshold", "50");
    const busy = server.command("EVAL", "while true do end", "0").catch(() => undefined);
    await until("it is busy", () =>
      server.command("PING").then(
        () => false,
        (error: Error) => error.message.startsWith("BUSY"),
      ),
    );
    await expect(count()).rejects.toThrow(StoreUnavailable);
    await linked.untilState("down");
    await server.command("SCRIPT", "KILL");
    await busy;
    await linked.untilState("up");
    expect(linked.errors.join("; ")).toContain("it is not ready (BUSY");
  });

  test("a server that still loads its data is not used before it has them", async () => {
    const slowly = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    const other = await startRedis({
      ...by,
      args: ["--enable-debug-command", "yes", ...slowly],
    });
    await other.command("DEBUG", "POPULATE", "20000");
    await other.command("SAVE");
    const own = await openLinked(redisSettings(other.port, SOON));
    await own.untilState("up");
    await other.kill();
    await own.untilState("down");
    await other.start();
    await until("the operator reads why", () => own.errors.join().includes("LOADING"), LIMIT_MS);
    expect(own.link.state).toBe("down");
    await other.command("CONFIG", "SET", "key-load-delay", "0");
    await own.untilState("up");
    expect(await other.command("DBSIZE")).toBeGreaterThanOrEqual(20_000);
    await own.link.close();
    await other.stop();
  });

  test("a process that was busy with itself does not take its delay for the server's", async () => {
    const answered = count();
    await new Promise(setImmediate);
    const busyUntilMs = performance.now() + 700;
    while (performance.now() < busyUntilMs);
    expect(await answered).toBe(1);
    expect(linked.states).toEqual(["up"]);
  });

  test("a silent server is found out while nobody asks anything of it", async () => {
    await linked.link.close();
    linked = await openLinked(redisSettings(proxy.port, SOON));
    await linked.untilState("up");
    proxy.isSilent = true;
    await linked.untilState("down");
    proxy.isSilent = false;
    await linked.untilState("up");
    expect(linked.outcomes).toEqual([]);
  });

  test("a subscription is found out and renewed with it", async () => {
    await linked.link.close();
    linked = await openLinked(redisSettings(proxy.port, SOON));
    const heard: string[] = [];
    await linked.link.subscribe("news", (message) => void heard.push(message));
    proxy.isSilent = true;
    await linked.untilState("down");
    proxy.isSilent = false;
    const isHeard = async (): Promise<boolean> => {
      await server.command("PUBLISH", "news", "again");
      await sleep(20);
      return heard.length > 0;
    };
    await until("it hears again", isHeard, LIMIT_MS);
  });

  test("while it is away one probe at a time asks for it, however many call", async () => {
    proxy.isSilent = true;
    await Promise.allSettled(Array.from({ length: 50 }, count));
    await linked.untilState("down");
    await until("the old connections are gone", () => proxy.open <= 1);
    let most = 0;
    const before = proxy.accepted;
    const watch = async (): Promise<boolean> => {
      most = Math.max(most, proxy.open);
      await Promise.allSettled(Array.from({ length: 50 }, count));
      return proxy.accepted - before >= 4;
    };
    await until("it was probed four times", watch, LIMIT_MS);
    expect(most).toBeLessThanOrEqual(1);
  });

  test("one dead connection of two is replaced, and the link stays up", async () => {
    await linked.link.close();
    linked = await openLinked(redisSettings(proxy.port, { ...SOON, healthCheckIntervalMs: 50 }));
    await until("both connections are there", () => proxy.open === 2, LIMIT_MS);
    const before = proxy.accepted;
    proxy.silenceOne();
    const isReplaced = async (): Promise<boolean> => {
      // Those that leave on the dead one are lost; the others are answered meanwhile.
      void count().catch(() => undefined);
      await sleep(5);
      return proxy.accepted > before;
    };
    await until("the dead one is replaced", isReplaced, LIMIT_MS);
    expect(linked.states).toEqual(["up"]);
  });
});
