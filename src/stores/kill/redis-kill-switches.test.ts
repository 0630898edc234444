/** Kill switches of several replicas on a real Redis: carried, kept without it, and put back when it forgets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startRedisProxy, type RedisProxy } from "../../../test/support/redis-proxy.ts";
import { hasRedis, startRedis, type RedisServer } from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { openRedisLink } from "../redis/open-redis-link.ts";
import type { RedisLink } from "../redis/redis-link.ts";
import type { KillChange, KillDraft, KillSwitch } from "./kill-switch-store.ts";
import {
  openRedisKillSwitches,
  type RedisKillSwitchesOptions,
  type SharedKillSwitchStore,
} from "./redis-kill-switches.ts";

const LIMIT_MS = 20_000;
const KEY = "{portcullis}:kill";

let redis: RedisServer;
let directory: string;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-kill-redis-"));
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  if (!redis.isRunning) await redis.start();
  await redis.command("FLUSHALL");
  rmSync(directory, { recursive: true, force: true });
});

async function linkTo(port: number): Promise<RedisLink> {
  const link = await openRedisLink({
    servers: { kind: "alone", address: { host: "127.0.0.1", port } },
    login: {},
    prefix: "portcullis",
    maxConnections: 1,
    // Long, because the machine may be busy with other tests.
    commandTimeoutMs: 2_000,
    healthCheckIntervalMs: 200,
    keepAliveMs: 0,
    maxAgeMs: 0,
  });
  ends.push(() => link.close());
  return link;
}

interface Replica {
  readonly store: SharedKillSwitchStore;
  readonly changes: KillChange[];
  readonly said: string[];
  close(): Promise<void>;
}

interface ReplicaOptions extends Partial<RedisKillSwitchesOptions> {
  readonly port?: number;
}

/** A machine of its own: another name is another file. */
async function replica(name: string, options: ReplicaOptions = {}): Promise<Replica> {
  const said: string[] = [];
  const store = await openRedisKillSwitches({
    path: join(directory, `${name}.db`),
    clock: SYSTEM_CLOCK,
    isWatching: true,
    link: options.link ?? (await linkTo(options.port ?? redis.port)),
    prefix: "{portcullis}:",
    redisPollMs: 50,
    onTrouble: (message) => said.push(message),
    ...options,
  });
  const changes: KillChange[] = [];
  store.onChange((change) => changes.push(change));
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (!isClosed) await store.close();
    isClosed = true;
  };
  ends.push(close);
  return { store, changes, said, close };
}

const draft = (changes: Partial<KillDraft> = {}): KillDraft => ({
  scope: { model: "churn", version: "v2" },
  reason: "wrong scores",
  author: "ana",
  expiresAtMs: undefined,
  routeTo: undefined,
  ...changes,
});

const ids = ({ store }: Replica): string[] => store.active.map(({ id }) => id);

const sees = (one: Replica, ...switches: KillSwitch[]): Promise<void> =>
  until(
    `it sees ${switches.length} switches`,
    () =>
      ids(one).toSorted().join() ===
      switches
        .map(({ id }) => id)
        .toSorted()
        .join(),
    LIMIT_MS,
  );

describe.skipIf(!hasRedis())("kill switches of several replicas", () => {
  test("what one replica shuts is shut in the other, with the time that it took", async () => {
    const [a, b] = [await replica("a"), await replica("b")];
    const one = await a.store.on(draft({ routeTo: "v1", expiresAtMs: Date.now() + 60_000 }));
    await sees(b, one);
    expect(b.store.active).toEqual([one]);
    expect(await b.store.off(one.id, "ben")).toBe(true);
    await sees(a);
    expect(b.changes.map(({ kind, by }) => [kind, by])).toEqual([
      ["on", "ana"],
      ["off", "ben"],
    ]);
    expect(a.changes.at(-1)).toMatchObject({ kind: "off", by: "ben" });
    const tookMs = [b.changes[0]?.propagationMs, a.changes.at(-1)?.propagationMs];
    for (const ms of tookMs) expect(ms).toBeGreaterThanOrEqual(0);
    console.info(
      `on and off reached the other replica in ${tookMs.map((ms) => ms?.toFixed(1)).join(" and ")} ms`,
    );
    expect(b.store.pendingEvents(10).map(({ event }) => event)).toEqual(["on", "off"]);
  });

  test("messages that are lost are made up for by polling", async () => {
    const link = await linkTo(redis.port);
    const deaf: RedisLink = {
      get state() {
        return link.state;
      },
      onState: (listener) => link.onState(listener),
      script: (...call) => link.script(...call),
      command: (...call) => link.command(...call),
      subscribe: () => Promise.resolve(() => Promise.resolve()),
      close: () => link.close(),
    };
    const [a, b] = [await replica("a"), await replica("b", { link: deaf })];
    const one = await a.store.on(draft());
    await sees(b, one);
    await a.store.off(one.id, "ana");
    await sees(b);
  });

  test("a subscription that refuses is asked for again, and does no harm", async () => {
    const link = await linkTo(redis.port);
    let asked = 0;
    const refusing = new Proxy(link, {
      get(of, name) {
        if (name === "subscribe")
          return () => {
            asked++;
            return Promise.reject(new Error("no permission"));
          };
        const value: unknown = Reflect.get(of, name, of);
        return typeof value === "function" ? value.bind(of) : value;
      },
    });
    const [a, b] = [await replica("a"), await replica("b", { link: refusing })];
    const one = await a.store.on(draft());
    await sees(b, one);
    await until("it is asked for again", () => asked > 1, LIMIT_MS);
  });

  test("a replica that comes later knows before it serves; how long that took nobody asks", async () => {
    const a = await replica("a");
    const one = await a.store.on(draft());
    const b = await replica("b");
    expect(b.store.active).toEqual([one]);
    await a.store.off(one.id, "ana");
    await sees(b);
    expect(
      b.store
        .pendingEvents(10)
        .map(({ event, propagationMs }) => [event, propagationMs === undefined]),
    ).toEqual([
      ["on", true],
      ["off", false],
    ]);
  });

  test("without Redis a switch holds here at once and after a restart; it is sent when Redis is back", async () => {
    const [a, b] = [await replica("a"), await replica("b")];
    await redis.kill();
    const one = await a.store.on(draft());
    expect(ids(a)).toEqual([one.id]);
    expect(a.store.unshared).toBe(1);
    await a.close();
    const again = await replica("a");
    expect(again.store.active).toEqual([one]);
    expect(ids(b)).toEqual([]);
    await redis.start();
    await sees(b, one);
    await until("it knows that Redis has it", () => again.store.unshared === 0, LIMIT_MS);
    expect(b.changes[0]?.propagationMs).toBeGreaterThan(0);
  });

  test("FLUSHALL lifts no switch: those who know it put it back, and what is off stays off", async () => {
    const [a, b] = [await replica("a"), await replica("b")];
    const gone = await a.store.on(draft({ scope: { model: "fraud" } }));
    const one = await a.store.on(draft());
    await a.store.off(gone.id, "ana");
    await sees(b, one);
    await redis.command("FLUSHALL");
    await until(
      "Redis has them again",
      async () => Number(await redis.command("HLEN", KEY)) === 3,
      LIMIT_MS,
    );
    expect(String(await redis.command("HGET", KEY, one.id))).toMatch(/^on\|/);
    expect(String(await redis.command("HGET", KEY, gone.id))).toMatch(/^off\|/);
    const late = await replica("c");
    expect(late.store.active).toEqual([one]);
    expect([ids(a), ids(b)]).toEqual([[one.id], [one.id]]);
    expect(a.changes.filter(({ kind }) => kind === "off")).toHaveLength(1);
  });

  test("a replica that missed an off, and puts the switch back after a flush, is told that it is off", async () => {
    const proxy: RedisProxy = await startRedisProxy(redis.port);
    ends.push(() => proxy.close());
    const [a, b] = [await replica("a", { port: proxy.port }), await replica("b")];
    const one = await a.store.on(draft());
    await sees(b, one);
    proxy.isRefusing = true;
    proxy.cut();
    await b.store.off(one.id, "ben");
    await b.close();
    await redis.command("FLUSHALL");
    proxy.isRefusing = false;
    await until(
      "the replica that knows no better has put it back",
      async () => String(await redis.command("HGET", KEY, one.id)).startsWith("on|"),
      LIMIT_MS,
    );
    expect(ids(a)).toEqual([one.id]);
    await replica("b");
    await sees(a);
    expect(String(await redis.command("HGET", KEY, one.id))).toMatch(/^off\|/);
  });

  test("what another process of the machine shuts while nobody has Redis is sent by the gateway", async () => {
    const [gateway, far] = [await replica("here"), await replica("there")];
    await redis.kill();
    const away = await linkTo(redis.port);
    const command = await replica("here", { link: away, isWatching: false });
    const one = await command.store.on(draft());
    await command.close();
    await sees(gateway, one);
    await redis.start();
    await sees(far, one);
  });

  test("a server that stands still delays no request: the switch holds here, and goes out afterwards", async () => {
    const [a, b] = [await replica("a"), await replica("b")];
    redis.freeze();
    const one = await a.store.on(draft());
    expect(ids(a)).toEqual([one.id]);
    redis.thaw();
    await sees(b, one);
  });

  test("hundreds at once", async () => {
    await redis.kill();
    const a = await replica("a");
    const all: KillSwitch[] = [];
    for (let i = 0; i < 230; i++) all.push(await a.store.on(draft({ scope: { caller: `c${i}` } })));
    await redis.start();
    const b = await replica("b");
    await sees(b, ...all);
    expect(Number(await redis.command("HLEN", KEY))).toBe(231);
  });

  test("what lies in Redis and is no switch is told, and shuts and opens nothing", async () => {
    const a = await replica("a");
    const one = await a.store.on(draft());
    await redis.command(
      "HSET",
      KEY,
      one.id,
      "off|1|{}",
      "abcdefgh",
      "on|1|nonsense",
      ":version",
      "7",
    );
    await until("it is told", () => a.said.length > 0, LIMIT_MS);
    expect(a.said[0]).toMatch(/cannot be read/);
    expect(ids(a)).toEqual([one.id]);
    const toldOf = a.said.length;
    for (let i = 0; i < 3; i++) await a.store.on(draft({ scope: { caller: `c${i}` } }));
    for (const other of a.store.active.filter(({ id }) => id !== one.id))
      await a.store.off(other.id, "ana");
    expect(a.said).toHaveLength(toldOf);
    await until(
      "it is put right",
      async () => String(await redis.command("HGET", KEY, one.id)).startsWith("on|"),
      LIMIT_MS,
    );
    await redis.command("DEL", KEY);
    await redis.command("SET", KEY, "another program's");
    await until(
      "the wrong type is told",
      () => a.said.some((text) => text.includes("cannot be shared")),
      LIMIT_MS,
    );
    expect(ids(a)).toEqual([one.id]);
    await redis.command("DEL", KEY);
    await until(
      "it is put back",
      async () => Number(await redis.command("HLEN", KEY)) === 5,
      LIMIT_MS,
    );
  });
});
