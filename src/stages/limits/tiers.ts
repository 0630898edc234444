/**
 * Which limits a caller has on a route: those of the credential's own tier, else of its caller's, else of its tenant's,
 * with what the operator says of that tenant and that caller laid over.
 */
import type { Identity } from "../../pipeline/facts.ts";
import { DEFAULT_TIER, type LimitSet, type LimitsSection, type Override } from "./config.ts";
import { policyOf, type LimitedRoute, type LimitPolicy } from "./policy.ts";
import type { RouteLimits } from "./route-config.ts";

export interface SelectorInput {
  readonly section: LimitsSection;
  readonly route: LimitedRoute;
  readonly routeLimits: RouteLimits | undefined;
}

interface Choice {
  readonly tier: string | undefined;
  /** Undefined where only a tier is named. */
  readonly override: Override | undefined;
}

export type PolicySelector = (identity: Identity | undefined) => LimitPolicy;

/** An unknown tier gets the default. Policies of tiers are made now, those with overrides when first asked for. */
export function policySelector(input: SelectorInput): PolicySelector {
  const { section } = input;
  const sets = new Map<string, LimitSet>([
    [DEFAULT_TIER, section.default],
    ...Object.entries(section.tiers),
  ]);
  const callers = choicesOf(section.callers);
  const tenants = choicesOf(section.tenants);
  const byTier = new Map(
    [...sets].map(([tier, set]) => [tier, policyOf({ ...input, tier, set })] as const),
  );
  const fallback = byTier.get(DEFAULT_TIER) as LimitPolicy;
  /** By tier, and then by who of the configuration is meant: no caller can make it grow beyond that. */
  const laidOver = new Map<string, LimitPolicy>();

  const withOverrides = (
    tier: string,
    overrides: readonly Override[],
    key: string,
  ): LimitPolicy => {
    const known = laidOver.get(key);
    if (known) return known;
    const set = sets.get(tier) ?? section.default;
    const policy = policyOf({ ...input, tier, set, overrides });
    laidOver.set(key, policy);
    return policy;
  };

  return (identity) => {
    if (identity === undefined || identity.method === "anonymous") return fallback;
    const caller = callers.get(identity.caller);
    const tenant = identity.tenant === undefined ? undefined : tenants.get(identity.tenant);
    const claimed = identity.tier;
    const tier =
      // The default is nobody's privilege to ask for: who claims it is looked up as if nothing was claimed.
      claimed !== undefined && claimed !== DEFAULT_TIER && byTier.has(claimed)
        ? claimed
        : (caller?.tier ?? tenant?.tier ?? DEFAULT_TIER);
    if (!caller?.override && !tenant?.override) return byTier.get(tier) ?? fallback;
    const overrides = [tenant?.override, caller?.override].filter((one) => one !== undefined);
    const key = JSON.stringify([
      tier,
      tenant?.override && identity.tenant,
      caller?.override && identity.caller,
    ]);
    return withOverrides(tier, overrides, key);
  };
}

function choicesOf(
  table: Readonly<Record<string, string | Override>>,
): ReadonlyMap<string, Choice> {
  return new Map(
    Object.entries(table).map(([name, choice]) => [
      name,
      typeof choice === "string"
        ? { tier: choice, override: undefined }
        : { tier: choice.tier, override: choice },
    ]),
  );
}
