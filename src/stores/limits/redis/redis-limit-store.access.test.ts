/** What docs/limits.md tells operators to grant is enough for limits: a user with that and no more is counted by. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import { openRedisLink } from "../../redis/open-redis-link.ts";
import type { RedisLink } from "../../redis/redis-link.ts";
import {
  DEFAULT_HEALTH_CHECK_INTERVAL_MS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_MAX_AGE_MS,
} from "../../redis/redis-settings.ts";
import type { Hold } from "../limit-store.ts";
import { bucket, concurrency, group, quota, sliding } from "../limit-trial.test-support.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { ask } from "./redis-limits.test-support.ts";
import { ReplicaRegistry } from "./replica-registry.ts";

const LIMIT_MS = 30_000;
const PREFIX = "{portcullis}:";

function documentedCommands(): string[] {
  const text = readFileSync(new URL("../../../../docs/limits.md", import.meta.url), "utf8");
  const [, list = ""] = /ACL user needs for limits: `([^`]+)`/.exec(text) ?? [];
  return list.split(/\s+/);
}

describe.skipIf(!hasRedis())("an ACL user with what the documentation lists", () => {
  let server: RedisServer;
  let link: RedisLink;
  const errors: Error[] = [];
  beforeAll(async () => {
    server = await startRedis();
    const user = ["gate", "on", ">secret", "~{portcullis}:*"];
    await server.command("ACL", "SETUSER", ...user, ...documentedCommands());
    link = await openRedisLink(
      {
        servers: { kind: "alone", address: { host: "127.0.0.1", port: server.port } },
        login: { user: "gate", password: { reveal: () => "secret" } },
        prefix: "portcullis",
        maxConnections: 1,
        commandTimeoutMs: LIMIT_MS,
        healthCheckIntervalMs: DEFAULT_HEALTH_CHECK_INTERVAL_MS,
        keepAliveMs: DEFAULT_KEEP_ALIVE_MS,
        maxAgeMs: DEFAULT_MAX_AGE_MS,
      },
      { onError: (error) => errors.push(error) },
    );
  });
  afterAll(async () => {
    await link.close();
    await server.stop();
  });

  test("can be counted by", async () => {
    const registry = new ReplicaRegistry({ link, prefix: PREFIX });
    await registry.start();
    const store = new RedisLimitStore({ link, prefix: PREFIX, replicas: () => 1, leaseMs: 60 });
    const groups = group(
      bucket(1_000, 1, 1_000, "cost"),
      sliding(1_000, 60_000, "cost"),
      quota("hour", 1_000, "cost"),
      concurrency(3),
    );
    const verdict = await ask(store, groups, 10);
    await until("slots are renewed", () => store.snapshot().renewals > 2, LIMIT_MS);
    store.finish((verdict as { hold: Hold }).hold, 5);
    await until("it has arrived", () => store.snapshot().correctionsPending === 0, LIMIT_MS);
    await store.close();
    await registry.close();
    expect(errors).toEqual([]);
    expect(store.snapshot().failedRoundTrips).toBe(0);
  });
});
