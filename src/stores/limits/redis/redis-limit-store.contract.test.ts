/** The contract of limit stores, on a real Redis: by a clock that the test moves, by the server's own, and leased. */
import { afterAll, beforeAll, describe } from "vitest";
import { hasRedis, startRedis, type RedisServer } from "../../../../test/support/redis-server.ts";
import { until } from "../../../../test/support/until.ts";
import type { RedisLink } from "../../redis/redis-link.ts";
import { describeLimitStore, type OpenStore } from "../limit-contract.test-support.ts";
import type { LimitGroup, LimitReading, LimitRule, LimitStore } from "../limit-store.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { ClockLink, newPrefix, openTestLink } from "./redis-limits.test-support.ts";

const NOON = Date.UTC(2031, 10, 23, 12);

let server: RedisServer;
let link: RedisLink;

const settled = (store: RedisLimitStore) => async (): Promise<void> => {
  await until("corrections have arrived", () => store.snapshot().correctionsPending === 0, 30_000);
};

async function openExact(): Promise<OpenStore> {
  const prefix = newPrefix();
  const clock = new ClockLink(link, prefix, NOON);
  await clock.setTime(NOON);
  const store = new RedisLimitStore({ link: clock, prefix, replicas: () => 1 });
  return {
    store,
    nowMs: () => clock.nowMs,
    advance: (ms) => clock.setTime(clock.nowMs + ms),
    settled: settled(store),
    close: () => store.close(),
  };
}

async function openRunning(): Promise<OpenStore> {
  const store = new RedisLimitStore({ link, prefix: newPrefix(), replicas: () => 1 });
  return {
    store,
    nowMs: () => Date.now(),
    advance: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 1)),
    settled: settled(store),
    close: () => store.close(),
  };
}

/** Every rule as a leased one; what is answered names the rule that was asked. */
async function openLeased(): Promise<OpenStore> {
  const open = await openRunning();
  const lists = new WeakMap<readonly LimitRule[], readonly LimitRule[]>();
  const asked = new WeakMap<LimitRule, LimitRule>();
  const leased = (group: LimitGroup): LimitGroup => {
    const rules =
      lists.get(group.rules) ??
      group.rules.map((rule) => {
        const twin: LimitRule = { ...rule, speed: "leased" };
        asked.set(twin, rule);
        return twin;
      });
    lists.set(group.rules, rules);
    return { ...group, rules };
  };
  const reading = (of: LimitReading): LimitReading => ({
    ...of,
    rule: asked.get(of.rule) ?? of.rule,
  });
  const store: LimitStore = {
    async decide(request) {
      const groups = request.groups.map((group) => leased(group));
      const verdict = await open.store.decide({ ...request, groups });
      const readings = verdict.readings.map((one) => reading(one));
      if (verdict.isGranted) return { ...verdict, readings };
      const refusedBy = readings[verdict.readings.indexOf(verdict.refusedBy)] as LimitReading;
      return { ...verdict, readings, refusedBy };
    },
    finish: (hold, cost) => open.store.finish(hold, cost),
  };
  return { ...open, store };
}

describe.skipIf(!hasRedis())("limits in Redis", () => {
  beforeAll(async () => {
    server = await startRedis();
    link = await openTestLink(server.port);
  });
  afterAll(async () => {
    await link.close();
    await server.stop();
  });

  describeLimitStore("Redis, by a clock that stands", { make: openExact, isExactClock: true });
  describeLimitStore("Redis, by its own clock", { make: openRunning, isExactClock: false });
  describeLimitStore("Redis, leased", { make: openLeased, isExactClock: false });
});
