/** What limits leave behind on the server: nothing that stays for good, whatever its clock does. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import type { RedisLink } from "../../redis/redis-link.ts";
import type { Hold } from "../limit-store.ts";
import { bucket, concurrency, group, quota, sliding } from "../limit-trial.test-support.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { ask, ClockLink, newPrefix, openTestLink } from "./redis-limits.test-support.ts";

const LIMIT_MS = 30_000;
const LEASE_MS = 60_000;
const NOON = Date.UTC(2031, 10, 23, 12);
const HOUR_MS = 3_600_000;

describe.skipIf(!hasRedis())("what limits leave on the server", () => {
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

  test("every key ends by itself, and all begin with the prefix", async () => {
    const prefix = newPrefix();
    const store = new RedisLimitStore({ link, prefix, replicas: () => 1 });
    const groups = group(
      bucket(1000, 1, 1000, "cost"),
      sliding(1000, 60_000, "cost"),
      quota("hour", 1000, "cost"),
      concurrency(3),
    );
    const verdict = await ask(store, groups, 10);
    store.finish((verdict as { hold: Hold }).hold, 5);
    await ask(store, groups, 10);
    await until("it has arrived", () => store.snapshot().correctionsPending === 0, LIMIT_MS);
    const keys = (await link.command(undefined, ["KEYS", "*"])) as string[];
    // The link writes one to see whether it may.
    const own = keys.filter((key) => !key.endsWith(":probe"));
    expect(own).toHaveLength(5);
    for (const key of own) {
      expect(key.startsWith(prefix)).toBe(true);
      const leftMs = Number(await link.command(key, ["PTTL", key]));
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(2 * HOUR_MS);
    }
    await store.close();
  });

  test("a debt that has grown beyond all numbers is still a refusal when the rule's period changes", async () => {
    const prefix = newPrefix();
    const store = new RedisLimitStore({ link, prefix, replicas: () => 1 });
    const verdict = await ask(store, group(bucket(1000, 1, 1000, "cost")), 10);
    store.finish((verdict as { hold: Hold }).hold, 1e12);
    await until("it has arrived", () => store.snapshot().correctionsPending === 0, LIMIT_MS);
    const slower = group(bucket(1000, 1, 24 * HOUR_MS, "cost"));
    for (let i = 0; i < 2; i++)
      expect(await ask(store, slower, 10)).toMatchObject({ isGranted: false });
    await store.close();
  });

  test("a clock that is set back does not lengthen the lease of a process that has crashed", async () => {
    const prefix = newPrefix();
    const clock = new ClockLink(link, prefix, NOON);
    await clock.setTime(NOON);
    const options = { link: clock, prefix, replicas: () => 2, leaseMs: LEASE_MS };
    // Nothing renews: a third of the lease is longer than the test.
    const crashed = new RedisLimitStore(options);
    const other = new RedisLimitStore(options);
    const groups = group(concurrency(1));
    expect((await ask(crashed, groups)).isGranted).toBe(true);
    await clock.setTime(NOON - HOUR_MS);
    expect((await ask(other, groups)).isGranted).toBe(false);
    // The first decision that saw the clock set back has shortened it to one lease from there.
    await clock.setTime(NOON - HOUR_MS + LEASE_MS - 1);
    expect((await ask(other, groups)).isGranted).toBe(false);
    await clock.setTime(NOON - HOUR_MS + LEASE_MS);
    expect((await ask(other, groups)).isGranted).toBe(true);
    await crashed.close();
    await other.close();
  });
});
