/** What the `limits` section refuses at load. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { limitsSchema } from "./config.ts";
import { findLimitMistakes } from "./mistakes.ts";
import { routeLimitsSchema } from "./route-config.ts";

describe("the limits section", () => {
  test.each([
    { name: "a caller in a tier that does not exist", section: { callers: { batch: "gold" } } },
    { name: "a tier called default", section: { tiers: { default: { rate: "1/s" } } } },
    { name: "a tier without any limit", section: { tiers: { gold: {} } } },
    { name: "a limit beside `unlimited`", section: { default: { rate: "1/s", unlimited: true } } },
    { name: "a burst without a rate", section: { default: { burst: 5 } } },
    { name: "a quota without a window", section: { default: { quota: {} } } },
    { name: "a rate that cannot be counted exactly", section: { default: { rate: "1/2d" } } },
    { name: "a rate of nothing", section: { default: { rate: "0/s" } } },
    { name: "a concurrency of nothing", section: { default: { concurrency: 0 } } },
    { name: "an unknown field", section: { default: { rates: "1/s" } } },
    { name: "a header that is none", section: { header: "X Rate:" } },
    { name: "a time zone that is none", section: { timeZone: "Europe/Zuerich" } },
    { name: "an offset for a time zone", section: { timeZone: "+01:00" } },
    { name: "an unknown speed", section: { speed: "fast" } },
    { name: "an unknown failure mode", section: { onStoreFailure: "open" } },
    { name: "a jitter above an hour", section: { retryJitter: "2h" } },
    { name: "a window too short to be counted", section: { default: { window: "5/10ms" } } },
    { name: "a window longer than a month", section: { default: { window: "5/32d" } } },
    { name: "speed without a limit", section: { default: { speed: "leased" } } },
    { name: "cost without a limit", section: { default: { cost: { speed: "leased" } } } },
    { name: "a burst of cost without a rate", section: { default: { cost: { burst: 5 } } } },
    {
      name: "a rate of cost that cannot be counted exactly",
      section: { default: { cost: { rate: "1000000000/d" } } },
    },
    { name: "concurrency of cost", section: { default: { cost: { concurrency: 5 } } } },
    { name: "a caller's override without a limit", section: { callers: { a: {} } } },
    { name: "an override over an unknown tier", section: { callers: { a: { tier: "gold" } } } },
    { name: "an override that is unlimited", section: { callers: { a: { unlimited: true } } } },
    { name: "a tenant in a tier that does not exist", section: { tenants: { a: "gold" } } },
    { name: "a shared limit without a limit", section: { shared: [{ name: "s", by: [] }] } },
    {
      name: "a shared limit by something unknown",
      section: { shared: [{ name: "s", by: ["cookie"], rate: "1/s" }] },
    },
    {
      name: "a shared limit by the same twice",
      section: { shared: [{ name: "s", by: ["tenant", "tenant"], rate: "1/s" }] },
    },
    {
      name: "a shared limit of an unknown tier",
      section: { shared: [{ name: "s", by: [], tiers: ["gold"], rate: "1/s" }] },
    },
    {
      name: "two shared limits of one name",
      section: { shared: ["s", "s"].map((name) => ({ name, by: [], rate: "1/s" })) },
    },
    {
      name: "shared limits whose names run into one another",
      section: { shared: ["s", "s-cost"].map((name) => ({ name, by: [], rate: "1/s" })) },
    },
    {
      name: "a shared limit named like a tier's total",
      section: { shared: [{ name: "default-total-day", by: [], rate: "1/s" }] },
    },
  ])("$name is refused at load", ({ section }) => {
    expect(limitsSchema.safeParse(section).success).toBe(false);
  });
});

describe("the limits of a route", () => {
  test.each([
    { name: "nothing", settings: {} },
    { name: "a cost of nothing", settings: { cost: 0 } },
    { name: "a cost with nowhere to read it", settings: { cost: { reserve: 5 } } },
    {
      name: "a cost with two places to read it",
      settings: { cost: { reserve: 5, field: "a", header: "x-cost" } },
    },
    { name: "a cost without a reserve", settings: { cost: { field: "a.b" } } },
    { name: "a field that is no path", settings: { cost: { reserve: 5, field: "a..b" } } },
    { name: "a header that is none", settings: { cost: { reserve: 5, header: "x cost" } } },
    { name: "a status that is no refusal", settings: { busyStatus: 200 } },
    { name: "a burst without a rate", settings: { burst: 5 } },
    { name: "a tier without a limit", settings: { tiers: { default: { speed: "leased" } } } },
  ])("$name are refused at load", ({ settings }) => {
    expect(routeLimitsSchema.safeParse(settings).success).toBe(false);
  });
});

test("every kind of limit can be written at every place", () => {
  const set = {
    rate: "200/s",
    burst: 400,
    window: "1000/10m",
    concurrency: 20,
    quota: { minute: 1_000, hour: 10_000, day: 100_000, month: 1_000_000 },
    speed: "leased",
    onStoreFailure: "deny",
    cost: {
      rate: "5000/m",
      burst: 9_000,
      window: "9000/10m",
      quota: { month: 90_000 },
      speed: "exact",
      onStoreFailure: "share",
    },
  };
  const section = {
    timeZone: "Europe/Zurich",
    default: { ...set, total: set },
    tiers: { gold: { ...set, total: set } },
    callers: { a: { tier: "gold", ...set, total: set } },
    tenants: { b: { ...set, total: set } },
    shared: [{ name: "s", by: ["tenant", "address"], routes: ["r"], models: ["m"], ...set }],
  };
  expect(limitsSchema.safeParse(section).error).toBeUndefined();
  const route = { ...set, cost: { reserve: 5, field: "usage.total_tokens" }, tiers: { gold: set } };
  expect(routeLimitsSchema.safeParse(route).error).toBeUndefined();
});

test("the example of the operator's guide loads, and makes sense", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/limits.md"), "utf8");
  const [, example = ""] = /```yaml\n(limits:[\s\S]*?)```/.exec(guide) ?? [];
  const { limits, routes } = parse(example) as { limits: object; routes: { limits: object }[] };
  const section = limitsSchema.parse(limits);
  const placed = routes.map((route, i) => ({
    at: ["routes", i],
    route: { id: `r${i}`, model: "churn" },
    limits: routeLimitsSchema.parse(route.limits),
  }));
  expect(placed).toHaveLength(1);
  expect(findLimitMistakes(section, placed)).toEqual([]);
});
