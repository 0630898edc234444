import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import type { RedisLink } from "../../redis/redis-link.ts";
import { newPrefix, openTestLink } from "./redis-limits.test-support.ts";
import { ReplicaRegistry } from "./replica-registry.ts";

const LIMIT_MS = 20_000;
const HEARTBEAT_MS = 40;

describe.skipIf(!hasRedis())("the registry of replicas", () => {
  let server: RedisServer;
  let link: RedisLink;
  beforeAll(async () => {
    server = await startRedis();
    link = await openTestLink(server.port);
  });
  afterAll(async () => {
    await link.close();
    await server.stop();
  });

  test("replicas are counted when they come, and no more when they have left", async () => {
    const prefix = newPrefix();
    // Nobody falls out for being late; the first one looks again soon.
    const registries = [HEARTBEAT_MS, 10_000, 10_000].map(
      (heartbeatMs) => new ReplicaRegistry({ link, prefix, heartbeatMs }),
    );
    const [first] = registries as [ReplicaRegistry];
    expect(first.replicas()).toBe(1);
    for (const registry of registries) await registry.start();
    expect(registries[2]?.replicas()).toBe(3);
    await registries[2]?.close();
    await until("who left is counted no more", () => first.replicas() < 3, LIMIT_MS);
    for (const registry of registries) await registry.close();
  });

  test("a replica that says no more that it is there is counted no more, also after the clock was set back", async () => {
    const prefix = newPrefix();
    const registry = new ReplicaRegistry({ link, prefix, heartbeatMs: HEARTBEAT_MS });
    await link.command(undefined, [
      "ZADD",
      `${prefix}replicas`,
      Date.now() + 86_400_000,
      "crashed",
    ]);
    await registry.start();
    expect(registry.replicas()).toBe(2);
    await until("the crashed one is forgotten", () => registry.replicas() === 1, LIMIT_MS);
    await registry.close();
  });

  test("the number stays as it was while the store is away", async () => {
    const other = await startRedis();
    const own = await openTestLink(other.port);
    const prefix = newPrefix();
    const registries = [1, 2].map(
      () => new ReplicaRegistry({ link: own, prefix, heartbeatMs: HEARTBEAT_MS }),
    );
    try {
      for (const registry of registries) await registry.start();
      await until("both are known", () => registries[0]?.replicas() === 2, LIMIT_MS);
      await other.kill();
      await until("the link is down", () => own.state === "down", LIMIT_MS);
      expect(registries[0]?.replicas()).toBe(2);
    } finally {
      for (const registry of registries) await registry.close();
      await own.close();
      await other.stop();
    }
  });
});
