/**
 * Finds what the section and the routes together make senseless: limits that nothing is counted by, costs that nothing
 * limits, and requests that could never pass. A limit that does not bind is a mistake, never a silence.
 */
import type { ConfigPath } from "../../config/diagnostic.ts";
import {
  DEFAULT_TIER,
  tierNames,
  type LimitSet,
  type LimitsSection,
  type Override,
} from "./config.ts";
import { isSharedBy, policyOf, reserveOf, type LimitedRoute, type LimitPolicy } from "./policy.ts";
import type { RouteLimits } from "./route-config.ts";

export interface LimitMistake {
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint: string;
}

/** A route with its place in the configuration; several may come from one place. */
export interface PlacedRoute {
  readonly at: ConfigPath;
  readonly route: LimitedRoute;
  readonly limits: RouteLimits | undefined;
}

/** Tiers that a route names and the `limits` section does not define: they would never apply. */
export function unknownTiers(section: Pick<LimitsSection, "tiers">, route: RouteLimits): string[] {
  const known = tierNames(section);
  return Object.keys(route.tiers ?? {}).filter((tier) => !known.includes(tier));
}

export function findLimitMistakes(
  section: LimitsSection,
  routes: readonly PlacedRoute[],
): readonly LimitMistake[] {
  const places = new Map(routes.map((placed) => [placed.at.join("."), placed]));
  return [
    ...[...places.values()].flatMap((placed) => mistakesOfRoute(section, placed)),
    ...unknownRoutes(section, routes),
    ...idleCosts(section, routes),
  ];
}

function mistakesOfRoute(section: LimitsSection, placed: PlacedRoute): LimitMistake[] {
  const { at, limits } = placed;
  if (limits === undefined) return [];
  const unknown = unknownTiers(section, limits).map((tier) => ({
    at: [...at, "limits", "tiers", tier],
    message: `there is no tier "${tier}"`,
    hint: `tiers: ${tierNames(section).join(", ")}`,
  }));
  const policies = policiesOn(section, placed);
  return [...unknown, ...costMistakes(placed, policies), ...busyMistakes(placed, policies)];
}

/** Of every tier, and of everybody with limits of their own, in the tier that they have by that. */
function policiesOn(section: LimitsSection, { route, limits }: PlacedRoute): LimitPolicy[] {
  const sets = new Map<string, LimitSet>([
    [DEFAULT_TIER, section.default],
    ...Object.entries(section.tiers),
  ]);
  const policyFor = (tier: string, overrides: readonly Override[]): LimitPolicy => {
    const set = sets.get(tier) ?? section.default;
    return policyOf({ section, tier, set, overrides, route, routeLimits: limits });
  };
  const own = [...Object.values(section.callers), ...Object.values(section.tenants)];
  return [
    ...[...sets.keys()].map((tier) => policyFor(tier, [])),
    ...own.flatMap((choice) =>
      typeof choice === "string" ? [] : [policyFor(choice.tier ?? DEFAULT_TIER, [choice])],
    ),
  ];
}

function costMistakes(
  { at, limits }: PlacedRoute,
  policies: readonly LimitPolicy[],
): LimitMistake[] {
  const reserve = reserveOf(limits);
  const place = [...at, "limits", "cost"];
  if (reserve === 0)
    return Object.entries(limits?.tiers ?? {}).flatMap(([tier, { cost }]) =>
      cost === undefined
        ? []
        : [
            {
              at: [...at, "limits", "tiers", tier, "cost"],
              message: "requests of this route cost nothing, so this limits nothing",
              hint: 'say what they cost, for example "cost: 1" in the limits of the route',
            },
          ],
    );
  const rules = policies
    .flatMap(({ scopes }) => scopes.flatMap((scope) => scope.rules))
    .filter(({ unit }) => unit === "cost");
  if (rules.length === 0)
    return [
      {
        at: place,
        message: "no limit counts what requests of this route cost",
        hint: "give a tier, its `total` or a shared limit a `cost`, or leave this out",
      },
    ];
  const small = rules.find(({ limit }) => limit < reserve);
  if (small === undefined) return [];
  return [
    {
      at: place,
      message: `a request reserves ${reserve} units and limit "${small.name}" is ${small.limit}: none would ever pass`,
      hint: "reserve less, or raise the limit; of a rate it is the burst that must be large enough",
    },
  ];
}

function busyMistakes(
  { at, limits }: PlacedRoute,
  policies: readonly LimitPolicy[],
): LimitMistake[] {
  const isLimited = policies.some(({ scopes }) =>
    scopes.some(({ rules }) => rules.some(({ kind }) => kind === "concurrency")),
  );
  if (limits?.busyStatus === undefined || isLimited) return [];
  return [
    {
      at: [...at, "limits", "busyStatus"],
      message: "no limit of requests at the same time holds on this route",
      hint: 'add one, for example "concurrency: 20", or leave this out',
    },
  ];
}

function unknownRoutes({ shared }: LimitsSection, routes: readonly PlacedRoute[]): LimitMistake[] {
  const ids = new Set(routes.map(({ route }) => route.id));
  const models = new Set(routes.map(({ route }) => route.model));
  return shared.flatMap((limit, i) => [
    ...(limit.routes ?? []).flatMap((id, j) =>
      ids.has(id)
        ? []
        : [
            {
              at: ["limits", "shared", i, "routes", j],
              message: `there is no route "${id}"`,
              hint: "`portcullis config routes` lists the ids",
            },
          ],
    ),
    ...(limit.models ?? []).flatMap((model, j) =>
      models.has(model)
        ? []
        : [
            {
              at: ["limits", "shared", i, "models", j],
              message: `no route serves a model "${model}"`,
              hint: "`portcullis config routes` lists the models",
            },
          ],
    ),
  ]);
}

/** Limits of cost on routes of which none costs anything. */
function idleCosts(section: LimitsSection, routes: readonly PlacedRoute[]): LimitMistake[] {
  const priced = routes.filter(({ limits }) => reserveOf(limits) > 0);
  const idle = section.shared.flatMap((limit, i): ConfigPath[] => {
    const isMet = priced.some(({ route }) =>
      [DEFAULT_TIER, ...(limit.tiers ?? [])].some((tier) => isSharedBy(limit, tier, route)),
    );
    return limit.cost && !isMet ? [["limits", "shared", i, "cost"]] : [];
  });
  if (priced.length === 0) idle.push(...costPlaces(section));
  return idle.map((at) => ({
    at,
    message: "no request costs anything, so this limits nothing",
    hint: 'say on a route what its requests cost, for example "limits: { cost: 1 }"',
  }));
}

function costPlaces({ default: standard, tiers, callers, tenants }: LimitsSection): ConfigPath[] {
  const sets: (readonly [ConfigPath, LimitSet | Override | string])[] = [
    [["limits", "default"], standard],
    ...Object.entries(tiers).map(([tier, set]) => [["limits", "tiers", tier], set] as const),
    ...Object.entries(callers).map(([name, set]) => [["limits", "callers", name], set] as const),
    ...Object.entries(tenants).map(([name, set]) => [["limits", "tenants", name], set] as const),
  ];
  return sets.flatMap(([at, set]) =>
    typeof set === "string"
      ? []
      : [
          ...(set.cost ? [[...at, "cost"]] : []),
          ...(set.total?.cost ? [[...at, "total", "cost"]] : []),
        ],
  );
}
