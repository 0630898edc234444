/**
 * The limits of one tier on one route, made ready at load: the rules a store decides by, and the parts of the answer
 * headers that never change. Nothing here is computed for a request but numbers into text.
 */
import type { LimitReading, LimitRule } from "../../stores/limits/limit-store.ts";
import type { LimitSet, LimitsSection, Override } from "./config.ts";
import type { Limits } from "./limit-fields.ts";
import { policyItem } from "./policy-items.ts";
import type { RouteLimits } from "./route-config.ts";
import { layOver, rulesOf } from "./rules.ts";
import type { SharedLimit, SubjectPart } from "./shared-config.ts";

/** Limits of one scope, and by what they are counted. */
export interface LimitScope {
  readonly scope: string;
  readonly by: readonly SubjectPart[];
  readonly rules: readonly LimitRule[];
}

/** Limits of one tier on one route. */
export interface LimitPolicy {
  readonly tier: string;
  readonly scopes: readonly LimitScope[];
  /** Units that a request reserves; 0 where none of the limits counts cost. */
  readonly reserve: number;
  /** `RateLimit-Policy`, by which rule stands first. */
  readonly policyFields: readonly string[];
  /** The quoted name of each rule, as an item of `RateLimit` begins. */
  readonly itemNames: readonly string[];
}

/** What a policy needs to know of a route. */
export interface LimitedRoute {
  readonly id: string;
  readonly model: string | undefined;
}

/** What the policy of a tier on a route is made from. */
export interface PolicyInput {
  readonly section: LimitsSection;
  readonly tier: string;
  readonly set: LimitSet;
  /** Laid over, one after the other. */
  readonly overrides?: readonly Override[];
  readonly route: LimitedRoute;
  readonly routeLimits: RouteLimits | undefined;
}

/** Counted for each principal, whatever credential it shows. */
const BY_IDENTITY: readonly SubjectPart[] = ["identity"];

export function policyOf(input: PolicyInput): LimitPolicy {
  const { section, tier, route, routeLimits } = input;
  const reserve = reserveOf(routeLimits);
  const isCounted = ({ unit }: LimitRule): boolean => unit === "requests" || reserve > 0;
  const { limits, total } = limitsOf(input);
  const scopes = [
    { scope: `route:${route.id}`, by: BY_IDENTITY, rules: rulesOf(tier, limits, section) },
    { scope: "total", by: BY_IDENTITY, rules: rulesOf(`${tier}-total`, total, section) },
    ...section.shared
      .filter((shared) => isSharedBy(shared, tier, route))
      .map((shared) => ({
        scope: `shared:${shared.name}`,
        by: shared.by,
        rules: rulesOf(shared.name, shared, section),
      })),
  ]
    .map((scope) => ({ ...scope, rules: scope.rules.filter(isCounted) }))
    .filter(({ rules }) => rules.length > 0);
  const rules = scopes.flatMap((scope) => scope.rules);
  const items = rules.map(policyItem);
  return {
    tier,
    scopes,
    reserve: rules.some(({ unit }) => unit === "cost") ? reserve : 0,
    policyFields: items.map((first, i) =>
      [first, ...items.filter((_, other) => other !== i)].join(", "),
    ),
    itemNames: rules.map(({ name }) => `"${name}"`),
  };
}

/** Units that a request of the route reserves; 0 where it says of no cost. */
export function reserveOf(routeLimits: RouteLimits | undefined): number {
  const price = routeLimits?.cost;
  if (price === undefined) return 0;
  return typeof price === "number" ? price : price.reserve;
}

export const isSharedBy = (
  { routes, models, tiers }: SharedLimit,
  tier: string,
  route: LimitedRoute,
): boolean =>
  (routes?.includes(route.id) ?? true) &&
  (tiers?.includes(tier) ?? true) &&
  (models === undefined || (route.model !== undefined && models.includes(route.model)));

/** The tier, then the route, then whom it is about: who is named is meant more than what. */
function limitsOf({ tier, set, overrides = [], routeLimits }: PolicyInput): {
  readonly limits: Limits;
  readonly total: Limits;
} {
  const { total = {}, unlimited: _stated, ...own } = set;
  const { tiers, cost: _price, busyStatus: _status, ...forAll } = routeLimits ?? {};
  const laid = [
    forAll,
    tiers?.[tier] ?? {},
    ...overrides.map(({ tier: _tier, total: _total, ...limits }) => limits),
  ];
  return {
    limits: laid.reduce<Limits>(layOver, own),
    total: overrides.reduce<Limits>((under, over) => layOver(under, over.total ?? {}), total),
  };
}

/**
 * Index of the tightest limit: the one that lets the fewest such requests through, of equals the one that takes longest
 * to be whole. Concurrency comes last: what is running says little about what the next minute brings.
 */
export function tightestOf(readings: readonly LimitReading[], reserve: number): number {
  let best = 0;
  for (let i = 1; i < readings.length; i++)
    if (isTighter(readings[i] as LimitReading, readings[best] as LimitReading, reserve)) best = i;
  return best;
}

function isTighter(a: LimitReading, b: LimitReading, reserve: number): boolean {
  const isRunning = a.rule.kind === "concurrency";
  if (isRunning !== (b.rule.kind === "concurrency")) return !isRunning;
  const left = requestsLeft(a, reserve);
  const leftOfBest = requestsLeft(b, reserve);
  return left < leftOfBest || (left === leftOfBest && a.resetMs > b.resetMs);
}

const requestsLeft = ({ rule, remaining }: LimitReading, reserve: number): number =>
  rule.unit === "cost" ? Math.floor(remaining / reserve) : remaining;
