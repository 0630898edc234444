/**
 * How much: decides all limits of a caller on a route at once and says on every answer where the caller stands. It
 * never spends anything on a request that one of the limits refuses, also where it leaves the refusal to the constitution.
 */
import type { Identity, Limited, LimitState } from "../../pipeline/facts.ts";
import { rejection, type Rejection, type RejectionCode } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { replaceHeaders, type Edit } from "../../pipeline/response.ts";
import type { Clock, Decision, PreparedStage, StageHandlers } from "../../pipeline/stage.ts";
import type {
  Lease,
  LimitReading,
  LimitStore,
  LimitVerdict,
} from "../../stores/limits/limit-store.ts";
import { DEFAULT_TIER, unknownTiers, type LimitsConfig } from "./config.ts";
import { toFieldNames, toFields, type FieldNames, type Standing } from "./fields.ts";
import { policyOf, tightestOf, type LimitPolicy } from "./policy.ts";

export interface LimitsTools {
  readonly store: LimitStore;
  readonly clock: Clock;
}

type Granted = Extract<LimitVerdict, { isGranted: true }>;
type Refused = Extract<LimitVerdict, { isGranted: false }>;

const NO_EDITS: readonly Edit[] = [];

const CODES = {
  bucket: "limits.bucket_empty",
  minute: "limits.quota_exhausted",
  hour: "limits.quota_exhausted",
  day: "limits.quota_exhausted",
  concurrency: "limits.concurrency_exceeded",
} as const satisfies Record<LimitReading["rule"]["kind"], RejectionCode>;

/** Nobody is counted in a tier that is stated to be unlimited; that it was asked, and refused nothing, is known. */
const UNLIMITED: Decision<"limits"> = { verdict: "continue", learned: { states: [] } };

/** The fact of this stage; it also carries, out of sight of the others, what this stage needs again at the end. */
abstract class Reading implements Limited {
  readonly policy: LimitPolicy;
  readonly readings: readonly LimitReading[];
  readonly nowMs: number;

  constructor(policy: LimitPolicy, { readings }: LimitVerdict, nowMs: number) {
    this.policy = policy;
    this.readings = readings;
    this.nowMs = nowMs;
  }

  /** What the headers of the answer say. */
  abstract get standing(): Standing;

  /** Made only when somebody looks: most requests are recorded without it. */
  get states(): readonly LimitState[] {
    return this.readings.map(({ rule, remaining, resetMs }) => ({
      name: rule.name,
      limit: rule.limit,
      remaining,
      resetSeconds: Math.ceil(resetMs / 1000),
    }));
  }
}

/** All limits let the request pass, and it is counted. */
class Allowance extends Reading {
  lease: Lease | undefined;

  constructor(policy: LimitPolicy, verdict: Granted, nowMs: number) {
    super(policy, verdict, nowMs);
    this.lease = verdict.lease;
  }

  get standing(): Standing {
    const { policy, readings, nowMs } = this;
    const first = tightestOf(readings);
    const firstResetMs = (readings[first] as LimitReading).resetMs;
    return { policy, readings, first, firstResetMs, nowMs };
  }
}

/** One of the limits refused, and nothing was counted. */
class Excess extends Reading {
  readonly standing: Standing;
  refusal: Rejection | undefined;

  constructor(policy: LimitPolicy, verdict: Refused, nowMs: number) {
    super(policy, verdict, nowMs);
    const { readings, refusedBy, retryAfterMs: firstResetMs } = verdict;
    // The draft's section on Retry-After: when both are sent they SHOULD name the same moment.
    this.standing = { policy, readings, first: readings.indexOf(refusedBy), firstResetMs, nowMs };
  }
}

/** Throws when a route names a tier that does not exist: it would silently limit nobody. */
export function limits(config: LimitsConfig, tools: LimitsTools): PreparedStage<"limits"> {
  for (const [id, route] of config.routes) {
    const unknown = unknownTiers(config, route);
    if (unknown.length > 0) throw new Error(`route ${id} limits unknown tiers: ${unknown.join()}`);
  }
  const names = toFieldNames(config.header);
  return {
    name: "limits",
    // Paths that match nothing have no caller to count for; `sources` counts them by address.
    bind: (route) =>
      route.upstream === undefined ? null : handlersFor({ config, route, tools, names }),
  };
}

interface Binding {
  readonly config: LimitsConfig;
  readonly route: Route;
  readonly tools: LimitsTools;
  readonly names: FieldNames;
}

function handlersFor(binding: Binding): StageHandlers<"limits"> {
  const { config, route, tools, names } = binding;
  const { store, clock } = tools;
  const policyFor = policySelector(binding);
  const isLeft = config.leftToConstitution?.has(route.id) ?? false;
  const written = new Set([
    names.limit,
    names.remaining,
    names.reset,
    "ratelimit",
    "ratelimit-policy",
  ]);

  return {
    onHead(context) {
      const identity = context.facts.identity;
      const policy = policyFor(identity);
      if (policy.groups.length === 0) return UNLIMITED;
      const nowMs = clock.nowMs();
      const verdict = store.decide(subjectOf(context), policy.groups, nowMs);
      if (!(verdict instanceof Promise)) return toDecision(policy, verdict, nowMs);
      return verdict.then((settled) => toDecision(policy, settled, nowMs));
    },

    decorate(context) {
      const reading = context.facts.limits;
      if (!(reading instanceof Reading)) return NO_EDITS;
      return [replaceHeaders(written, toFields(reading.standing, names))];
    },

    onEnd(context) {
      const allowance = context.facts.limits;
      if (!(allowance instanceof Allowance) || allowance.lease === undefined) return;
      const { lease } = allowance;
      allowance.lease = undefined;
      store.release(lease);
    },
  };

  function toDecision(
    policy: LimitPolicy,
    verdict: LimitVerdict,
    nowMs: number,
  ): Decision<"limits"> {
    if (verdict.isGranted)
      return { verdict: "continue", learned: new Allowance(policy, verdict, nowMs) };
    const learned = new Excess(policy, verdict, nowMs);
    const refusal = refusalOf(verdict, learned.standing);
    if (!isLeft) return { verdict: "reject", rejection: refusal, learned };
    learned.refusal = refusal;
    return { verdict: "continue", learned };
  }

  function refusalOf(
    { refusedBy: { rule }, retryAfterMs }: Refused,
    standing: Standing,
  ): Rejection {
    return rejection(CODES[rule.kind], {
      cause: `limit "${rule.name}" of ${rule.limit} is spent`,
      headers: toFields(standing, names),
      retryAfterSeconds: Math.ceil(retryAfterMs / 1000),
    });
  }
}

/** Chooses by the credential's own tier, then by the `callers` table; an unknown tier gets the default. */
function policySelector({
  config,
  route,
}: Binding): (identity: Identity | undefined) => LimitPolicy {
  const routeSettings = config.routes.get(route.id);
  const compile = (tier: string, set = config.default): LimitPolicy =>
    policyOf({ tier, set, routeId: route.id, route: routeSettings });
  const fallback = compile(DEFAULT_TIER);
  const byTier = new Map(
    Object.entries(config.tiers).map(([tier, set]) => [tier, compile(tier, set)]),
  );
  const byCaller = new Map(
    Object.entries(config.callers).map(([caller, tier]) => [caller, byTier.get(tier) ?? fallback]),
  );

  return (identity) => {
    if (identity === undefined || identity.method === "anonymous") return fallback;
    const named = identity.tier === undefined ? undefined : byTier.get(identity.tier);
    return named ?? byCaller.get(identity.caller) ?? fallback;
  };
}

/** Without an identity the address is the caller: nobody is ever counted as nobody. */
function subjectOf(context: RequestContext): string {
  return context.facts.identity?.key ?? `address:${context.request.callerAddress}`;
}
