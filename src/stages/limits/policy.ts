/**
 * The limits of one tier on one route, made ready at load: the rules a store decides by, and the parts of the answer
 * headers that never change. Nothing here is computed for a request but numbers into text.
 */
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  type LimitGroup,
  type LimitReading,
  type LimitRule,
} from "../../stores/limits/limit-store.ts";
import type { LimitSet, RouteLimits } from "./config.ts";

type Limits = Omit<LimitSet, "total" | "unlimited">;

/** Limits of one tier on one route. */
export interface LimitPolicy {
  readonly tier: string;
  readonly groups: readonly LimitGroup[];
  /** `RateLimit-Policy`, by which rule stands first. */
  readonly policyFields: readonly string[];
  /** The quoted name of each rule, as an item of `RateLimit` begins. */
  readonly itemNames: readonly string[];
}

/** What the policy of a tier on a route is made from. */
export interface PolicyInput {
  readonly tier: string;
  readonly set: LimitSet;
  readonly routeId: string;
  readonly route: RouteLimits | undefined;
}

const WINDOWS = [
  ["minute", MINUTE_MS],
  ["hour", HOUR_MS],
  ["day", DAY_MS],
] as const;

export function policyOf({ tier, set, routeId, route }: PolicyInput): LimitPolicy {
  const { total, unlimited: _stated, ...tierLimits } = set;
  const { tiers, ...forAll } = route ?? {};
  const limits = override(override(tierLimits, forAll), tiers?.[tier] ?? {});
  const groups = [
    { scope: `route:${routeId}`, rules: rulesOf(tier, limits) },
    { scope: "total", rules: total ? rulesOf(`${tier}-total`, total) : [] },
  ].filter(({ rules }) => rules.length > 0);
  const rules = groups.flatMap((group) => group.rules);
  const described = rules.map(describe);
  return {
    tier,
    groups,
    policyFields: described.map((first, i) =>
      [first, ...described.filter((_, other) => other !== i)].join(", "),
    ),
    itemNames: rules.map(({ name }) => `"${name}"`),
  };
}

/** The burst belongs to the rate: a new rate does not inherit the old one's burst. */
function override(base: Limits, changes: Limits): Limits {
  const merged = { ...base, ...changes };
  if (changes.rate && changes.burst === undefined) delete merged.burst;
  if (changes.quota) merged.quota = { ...base.quota, ...changes.quota };
  return merged;
}

function rulesOf(name: string, { rate, burst, concurrency, quota }: Limits): LimitRule[] {
  const rules: LimitRule[] = [];
  if (rate) rules.push({ kind: "bucket", name, limit: burst ?? rate.count, ...rate });
  for (const [kind, windowMs] of WINDOWS) {
    const limit = quota?.[kind];
    if (limit !== undefined) rules.push({ kind, name: `${name}-${kind}`, limit, windowMs });
  }
  if (concurrency !== undefined)
    rules.push({ kind: "concurrency", name: `${name}-concurrency`, limit: concurrency });
  return rules;
}

/** One item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10 section 3): q quota, w window, qu unit. */
function describe(rule: LimitRule): string {
  switch (rule.kind) {
    case "bucket": {
      // The window in which an empty bucket is whole again; section 3.1.3 wants whole seconds, and not zero.
      const wholeMs = Math.ceil((rule.limit * rule.perMs) / rule.count);
      return `"${rule.name}";q=${rule.limit};w=${Math.ceil(wholeMs / 1000)}`;
    }
    case "concurrency":
      return `"${rule.name}";q=${rule.limit};qu="concurrent-requests"`;
    case "minute":
    case "hour":
    case "day":
      return `"${rule.name}";q=${rule.limit};w=${rule.windowMs / 1000}`;
  }
}

/**
 * Index of the tightest limit: the one with the fewest requests left, of equals the one that takes longest to be
 * whole. Concurrency comes last: what is running says little about what the next minute brings.
 */
export function tightestOf(readings: readonly LimitReading[]): number {
  let best = 0;
  for (let i = 1; i < readings.length; i++)
    if (isTighter(readings[i] as LimitReading, readings[best] as LimitReading)) best = i;
  return best;
}

function isTighter(a: LimitReading, b: LimitReading): boolean {
  const isRunning = a.rule.kind === "concurrency";
  if (isRunning !== (b.rule.kind === "concurrency")) return !isRunning;
  return a.remaining < b.remaining || (a.remaining === b.remaining && a.resetMs > b.resetMs);
}
