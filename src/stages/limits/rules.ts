/** Turns a set of limits, as written, into the rules a store decides by: their names, their order, what they count. */
import {
  CALENDAR_PERIODS,
  type LimitRule,
  type LimitSpeed,
  type LimitUnit,
  type OnStoreFailure,
} from "../../stores/limits/limit-store.ts";
import type { CostLimits, Limits } from "./limit-fields.ts";

/** What sets that do not say otherwise are decided by. */
export interface RuleDefaults {
  readonly timeZone: string;
  readonly speed: LimitSpeed;
  readonly onStoreFailure: OnStoreFailure;
}

/** A lost budget is money: unless its own set says so, nothing is spent that nobody counts. */
const COST_ON_STORE_FAILURE: OnStoreFailure = "deny";

const SUFFIXES = ["", "-window", ...CALENDAR_PERIODS.map((period) => `-${period}`)];

/** Every name that rules of a set called `name` could have. */
export function possibleNames(name: string): string[] {
  return [
    ...SUFFIXES.map((suffix) => `${name}${suffix}`),
    `${name}-concurrency`,
    ...SUFFIXES.map((suffix) => `${name}-cost${suffix}`),
  ];
}

export function rulesOf(name: string, limits: Limits, defaults: RuleDefaults): LimitRule[] {
  const { concurrency, cost, speed = defaults.speed } = limits;
  const onStoreFailure = limits.onStoreFailure ?? defaults.onStoreFailure;
  const rules = timedRules(name, limits, {
    unit: "requests",
    speed,
    onStoreFailure,
    timeZone: defaults.timeZone,
  });
  if (concurrency !== undefined)
    rules.push({
      kind: "concurrency",
      name: `${name}-concurrency`,
      limit: concurrency,
      unit: "requests",
      speed,
      onStoreFailure,
    });
  if (cost)
    rules.push(
      ...timedRules(`${name}-cost`, cost, {
        unit: "cost",
        speed: cost.speed ?? speed,
        onStoreFailure: cost.onStoreFailure ?? COST_ON_STORE_FAILURE,
        timeZone: defaults.timeZone,
      }),
    );
  return rules;
}

interface Terms {
  readonly unit: LimitUnit;
  readonly speed: LimitSpeed;
  readonly onStoreFailure: OnStoreFailure;
  readonly timeZone: string;
}

function timedRules(
  name: string,
  { rate, burst, window, quota }: Pick<CostLimits, "rate" | "burst" | "window" | "quota">,
  { timeZone, ...common }: Terms,
): LimitRule[] {
  const rules: LimitRule[] = [];
  if (rate)
    rules.push({
      kind: "bucket",
      name,
      limit: burst ?? rate.count,
      count: rate.count,
      perMs: rate.perMs,
      ...common,
    });
  if (window)
    rules.push({
      kind: "sliding",
      name: `${name}-window`,
      limit: window.count,
      windowMs: window.perMs,
      ...common,
    });
  for (const kind of CALENDAR_PERIODS) {
    const limit = quota?.[kind];
    if (limit !== undefined)
      rules.push({ kind, name: `${name}-${kind}`, limit, timeZone, ...common });
  }
  return rules;
}

/** What `changes` says takes the place of what `base` says. The burst belongs to the rate: a new rate inherits none. */
export function layOver(base: Limits, changes: Limits): Limits {
  const merged: Limits = { ...pacedOver(base, changes) };
  if (changes.cost) merged.cost = base.cost ? pacedOver(base.cost, changes.cost) : changes.cost;
  return merged;
}

function pacedOver<Paced extends Pick<CostLimits, "rate" | "burst" | "quota">>(
  base: Paced,
  changes: Paced,
): Paced {
  const merged = { ...base, ...changes };
  if (changes.rate && changes.burst === undefined) delete merged.burst;
  if (changes.quota) merged.quota = { ...base.quota, ...changes.quota };
  return merged;
}
