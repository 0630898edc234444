/** What the section and the routes together make senseless, with the place that an operator is shown. */
import { describe, expect, test } from "vitest";
import { limitsSchema } from "./config.ts";
import { findLimitMistakes } from "./mistakes.ts";
import { routeLimitsSchema } from "./route-config.ts";

interface Case {
  readonly name: string;
  readonly section?: object;
  /** Limits of the route `r1`, which serves the model `churn`; there is a route `r2` without any. */
  readonly route?: object;
}

const places = ({ section = {}, route }: Case): string[] =>
  findLimitMistakes(limitsSchema.parse(section), [
    {
      at: ["routes", 0],
      route: { id: "r1", model: "churn" },
      limits: route && routeLimitsSchema.parse(route),
    },
    { at: ["routes", 1], route: { id: "r2", model: undefined }, limits: undefined },
  ]).map(({ at }) => at.join("."));

const BUDGET = { cost: { quota: { day: 1_000 } } };

describe("a mistake", () => {
  const cases: readonly (Case & { readonly at: string })[] = [
    {
      name: "a route's limits for a tier that does not exist",
      route: { tiers: { gold: { rate: "1/s" } } },
      at: "routes.0.limits.tiers.gold",
    },
    {
      name: "a cost that nothing counts",
      route: { cost: 5 },
      at: "routes.0.limits.cost",
    },
    {
      name: "a request that could never pass",
      section: { default: BUDGET },
      route: { cost: { reserve: 1_001, header: "x-cost" } },
      at: "routes.0.limits.cost",
    },
    {
      name: "a request that could never pass by a caller's own limits",
      section: { default: BUDGET, callers: { a: { cost: { rate: "500/s" } } } },
      route: { cost: 501 },
      at: "routes.0.limits.cost",
    },
    {
      name: "a budget where nothing costs anything",
      section: { default: BUDGET },
      at: "limits.default.cost",
    },
    {
      name: "a budget over all routes where nothing costs anything",
      section: { tiers: { gold: { rate: "1/s", total: BUDGET } } },
      at: "limits.tiers.gold.total.cost",
    },
    {
      name: "a tenant's budget where nothing costs anything",
      section: { tenants: { retail: BUDGET } },
      at: "limits.tenants.retail.cost",
    },
    {
      name: "a shared budget of routes that cost nothing",
      section: {
        default: BUDGET,
        shared: [{ name: "s", by: ["tenant"], routes: ["r2"], ...BUDGET }],
      },
      route: { cost: 1 },
      at: "limits.shared.0.cost",
    },
    {
      name: "a tier's budget on a route that costs nothing",
      section: { tiers: { gold: { rate: "1/s" } } },
      route: { tiers: { gold: BUDGET } },
      at: "routes.0.limits.tiers.gold.cost",
    },
    {
      name: "a status for what nothing limits",
      section: { default: { rate: "1/s" } },
      route: { busyStatus: 503 },
      at: "routes.0.limits.busyStatus",
    },
    {
      name: "a shared limit of a route that does not exist",
      section: { shared: [{ name: "s", by: ["tenant"], routes: ["r1", "r9"], rate: "1/s" }] },
      at: "limits.shared.0.routes.1",
    },
    {
      name: "a shared limit of a model that does not exist",
      section: { shared: [{ name: "s", by: ["tenant"], models: ["chrun"], rate: "1/s" }] },
      at: "limits.shared.0.models.0",
    },
  ];
  test.each(cases)("is $name", ({ at, ...input }) => {
    expect(places(input)).toEqual([at]);
  });
});

describe("no mistake", () => {
  const cases: readonly Case[] = [
    { name: "nothing at all" },
    {
      name: "a cost that one tier counts",
      section: { tiers: { gold: BUDGET } },
      route: { cost: 5 },
    },
    {
      name: "a cost that a shared limit of a tier counts",
      section: {
        tiers: { gold: { rate: "1/s" } },
        shared: [{ name: "s", by: ["tenant"], tiers: ["gold"], ...BUDGET }],
      },
      route: { cost: 5 },
    },
    { name: "a cost as large as its limit", section: { default: BUDGET }, route: { cost: 1_000 } },
    { name: "a status of the default's concurrency", route: { busyStatus: 503 } },
    {
      name: "a budget of the route's own",
      section: { tiers: { gold: { rate: "1/s" } } },
      route: { cost: 1, tiers: { gold: BUDGET } },
    },
  ];
  test.each(cases)("is $name", (input) => {
    expect(places(input)).toEqual([]);
  });
});
