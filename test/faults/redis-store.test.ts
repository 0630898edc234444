/**
 * Limits on a real Redis that fails in every way it can: no caller ever sees a 500 or a wrong 401, and nobody gets more
 * than the limit and this replica's stated share of it.
 */
import { afterEach, describe, expect, test } from "vitest";
import type { Settings } from "../support/gateway-configuration.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startSentinel } from "../support/redis-sentinel.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { startSlowLink } from "../support/slow-link.ts";
import { until } from "../support/until.ts";

const LIMIT = 40;
/** The breaker and the way back are given this long; asserted is that they happen, not how fast. */
const PATIENCE_MS = 10_000;
const LANES = 8;

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function redis(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis({ args });
  endings.push(() => server.stop());
  return server;
}

interface Limits extends Settings {
  readonly quota?: Settings;
}

async function gatewayOn(store: Settings, limits: Limits = { quota: { month: LIMIT } }) {
  const gateway = await startGateway({
    config: {
      store: { kind: "redis", ...store },
      limits: {
        default: { rate: undefined, burst: undefined, concurrency: undefined, ...limits },
      },
    },
  });
  endings.push(() => gateway.close());
  return gateway;
}

const on = ({ port }: { readonly port: number }): Settings => ({
  url: `redis://127.0.0.1:${port}`,
});

class Tally {
  readonly statuses = new Map<number, number>();
  degraded = 0;

  of(status: number): number {
    return this.statuses.get(status) ?? 0;
  }

  /** Statuses that nobody promised. */
  get surprises(): number[] {
    return [...this.statuses.keys()].filter((status) => status !== 200 && status !== 429);
  }
}

/** So many calls, a few at a time. */
async function call(gateway: TestGateway, count: number, tally = new Tally()): Promise<Tally> {
  const headers = gateway.allowed();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await gateway.call({
        method: "POST",
        path: "/churn/v2/predict",
        headers,
        body: "{}",
      });
      tally.statuses.set(answer.status, tally.of(answer.status) + 1);
      if (answer.headers["x-portcullis-degraded"] !== undefined) tally.degraded++;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return tally;
}

async function isDegraded(gateway: TestGateway): Promise<boolean> {
  return (await call(gateway, 1)).degraded === 1;
}

const untilDegraded = (gateway: TestGateway): Promise<void> =>
  until("the share is spent", () => isDegraded(gateway), PATIENCE_MS);
const untilShared = (gateway: TestGateway): Promise<void> =>
  until("the store decides again", async () => !(await isDegraded(gateway)), PATIENCE_MS);

/** What happens to the server, and how it comes back. */
const OUTAGES: readonly {
  readonly name: string;
  readonly begin: (server: RedisServer) => Promise<unknown> | void;
  readonly end: (server: RedisServer) => Promise<unknown> | void;
}[] = [
  { name: "is stopped", begin: (server) => server.stop(), end: (server) => server.start() },
  { name: "is killed", begin: (server) => server.kill(), end: (server) => server.start() },
  { name: "is frozen", begin: (server) => server.freeze(), end: (server) => server.thaw() },
  {
    name: "has no memory left",
    begin: (server) => server.command("CONFIG", "SET", "maxmemory", "1"),
    end: (server) => server.command("CONFIG", "SET", "maxmemory", "0"),
  },
];

describe.skipIf(!hasRedis())("limits on a Redis that fails", () => {
  describe.each(OUTAGES)("a server that $name", ({ begin, end }) => {
    test("limits hold by this replica's share, and the store decides again when it is back", async () => {
      const server = await redis();
      const gateway = await gatewayOn(on(server));
      const tally = await call(gateway, LIMIT / 2);
      expect(tally.of(200)).toBe(LIMIT / 2);
      expect(tally.degraded).toBe(0);
      await begin(server);
      await untilDegraded(gateway);
      await call(gateway, 3 * LIMIT, tally);
      expect(tally.surprises).toEqual([]);
      expect(tally.degraded).toBeGreaterThan(0);
      // Half was spent before; the share of the only replica is what was left, and not the whole anew.
      expect(tally.of(200)).toBeLessThanOrEqual(LIMIT);
      expect(await gateway.metric("portcullis_store_up")).toBe(0);
      await end(server);
      await untilShared(gateway);
      expect(await gateway.metric("portcullis_store_up")).toBe(1);
      expect(await gateway.metric("portcullis_limits_degraded_seconds_total")).toBeGreaterThan(0);
      expect(
        await gateway.metric("portcullis_limits_decisions_total", { by: "store" }),
      ).toBeGreaterThanOrEqual(LIMIT / 2);
      const after = await call(gateway, 3 * LIMIT);
      expect(after.surprises).toEqual([]);
      expect(after.of(200)).toBeLessThanOrEqual(LIMIT);
      expect(after.degraded).toBe(0);
    });

    test("a limit of cost is not guessed at", async () => {
      const server = await redis();
      const gateway = await startGateway({
        config: {
          store: { kind: "redis", ...on(server) },
          limits: { default: { cost: { quota: { month: 1_000 } } } },
          models: { churn: { versions: { v2: { limits: { cost: 1 } } } } },
        },
      });
      endings.push(() => gateway.close());
      expect((await call(gateway, 4)).of(200)).toBe(4);
      await begin(server);
      gateway.expectServerErrors("limits.store_unavailable");
      await until(
        "cost is refused",
        async () => (await call(gateway, 1)).of(503) === 1,
        PATIENCE_MS,
      );
      const away = await call(gateway, 20);
      expect([...away.statuses.keys()]).toEqual([503]);
      await end(server);
      await until(
        "cost is counted",
        async () => (await call(gateway, 1)).of(200) === 1,
        PATIENCE_MS,
      );
    });
  });

  test("a gateway that starts without its store serves by its share, and says so", async () => {
    const server = await redis();
    await server.stop();
    const gateway = await gatewayOn(on(server));
    const tally = await call(gateway, 2 * LIMIT);
    expect(tally.surprises).toEqual([]);
    expect(tally.of(200)).toBeGreaterThan(0);
    expect(tally.of(200)).toBeLessThanOrEqual(LIMIT);
    const ready = await fetch(`${gateway.operatorOrigin}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ degraded: ["store"] });
    await server.start();
    await untilShared(gateway);
    expect(await (await fetch(`${gateway.operatorOrigin}/readyz`)).json()).toEqual({
      status: "ready",
      notReady: [],
    });
  });

  test("a server that forgets everything lets nobody have more than the limit anew", async () => {
    const server = await redis();
    const gateway = await gatewayOn(on(server), { quota: { month: LIMIT }, concurrency: 4 });
    expect((await call(gateway, LIMIT / 2)).surprises).toEqual([]);
    await server.command("FLUSHALL");
    await server.command("SCRIPT", "FLUSH");
    const after = await call(gateway, 3 * LIMIT);
    expect(after.surprises).toEqual([]);
    expect(after.of(200)).toBeLessThanOrEqual(LIMIT);
    expect(after.degraded).toBe(0);
  });

  test("a fail-over by Sentinel costs no caller an error", async () => {
    const sentinel = await startSentinel();
    endings.push(() => sentinel.stop());
    const gateway = await gatewayOn({
      sentinel: {
        name: sentinel.name,
        servers: sentinel.sentinels.map(({ port }) => `127.0.0.1:${port}`),
      },
    });
    const tally = await call(gateway, LIMIT / 2);
    const failing = sentinel.failOver();
    await call(gateway, LIMIT, tally);
    await failing;
    await untilShared(gateway);
    await call(gateway, 3 * LIMIT, tally);
    expect(tally.surprises).toEqual([]);
    // What the replica had not yet heard of may be given once more, and the share on the way.
    expect(tally.of(200)).toBeLessThanOrEqual(2 * LIMIT);
  });

  test("slots that move in a Cluster take the counts with them", async () => {
    const cluster = await startCluster();
    endings.push(() => cluster.stop());
    const gateway = await gatewayOn({
      cluster: { servers: cluster.servers.map(({ port }) => `127.0.0.1:${port}`) },
    });
    const tally = await call(gateway, LIMIT / 2);
    const slot = await cluster.slotOf("{portcullis}");
    const owner = cluster.ownerOf(slot);
    await cluster.moveSlot(slot, (owner + 1) % cluster.servers.length, async () => {
      await call(gateway, LIMIT / 4, tally);
    });
    await call(gateway, 3 * LIMIT, tally);
    expect(tally.surprises).toEqual([]);
    expect(tally.of(200)).toBeLessThanOrEqual(LIMIT + tally.degraded);
    expect(tally.of(200)).toBeGreaterThanOrEqual(LIMIT);
  });

  test("a far-away server is slow, and still right", async () => {
    const server = await redis();
    const link = await startSlowLink(server.port, 100);
    endings.push(() => link.close());
    const gateway = await gatewayOn({ ...on(link), commandTimeout: "1s" });
    const tally = await call(gateway, 2 * LIMIT);
    expect(tally.surprises).toEqual([]);
    expect(tally.of(200)).toBe(LIMIT);
    expect(tally.degraded).toBe(0);
  });
});
