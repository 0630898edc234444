/**
 * How much: decides all limits of a caller on a route at once and says on every answer where the caller stands. It
 * never spends anything on a request that one of the limits refuses, also where it leaves the refusal to the constitution.
 */
import { Fault, rejection, type Rejection, type RejectionCode } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { replaceHeaders, type Edit } from "../../pipeline/response.ts";
import {
  CONTINUE,
  type Clock,
  type Decision,
  type PreparedStage,
  type StageHandlers,
} from "../../pipeline/stage.ts";
import type { LimitRule, LimitStore, LimitVerdict } from "../../stores/limits/limit-store.ts";
import { StoreUnavailable } from "../../stores/store-unavailable.ts";
import type { LimitsConfig } from "./config.ts";
import { toFieldNames, toFields, type FieldNames } from "./fields.ts";
import { meterBody, type FieldPath } from "./metered.ts";
import { unknownTiers } from "./mistakes.ts";
import type { LimitPolicy } from "./policy.ts";
import { preparePrice, Spending, type PreparedPrice } from "./spending.ts";
import { Allowance, Excess, Reading } from "./standing.ts";
import { meterStream } from "./stream-meter.ts";
import { principalOf, subjectOf } from "./subjects.ts";
import { policySelector } from "./tiers.ts";

export interface LimitsTools {
  readonly store: LimitStore;
  readonly clock: Clock;
  /** From 0 up to 1, for the jitter. Default `Math.random`. */
  readonly random?: () => number;
}

const NO_EDITS: readonly Edit[] = [];

const CODES = {
  bucket: "limits.bucket_empty",
  sliding: "limits.window_full",
  minute: "limits.quota_exhausted",
  hour: "limits.quota_exhausted",
  day: "limits.quota_exhausted",
  month: "limits.quota_exhausted",
  concurrency: "limits.concurrency_exceeded",
} as const satisfies Record<LimitRule["kind"], RejectionCode>;

const BUSY_STATUS = 503;

function codeOf({ kind, unit }: LimitRule, busyStatus: number | undefined): RejectionCode {
  if (unit === "cost") return "limits.cost_exhausted";
  if (kind === "concurrency" && busyStatus === BUSY_STATUS) return "limits.busy";
  return CODES[kind];
}

/** Nobody is counted in a tier that is stated to be unlimited; that it was asked, and refused nothing, is known. */
const UNLIMITED: Decision<"limits"> = { verdict: "continue", learned: { states: [] } };

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
  const price = config.routes.get(route.id)?.cost;
  const prepared = price === undefined ? undefined : preparePrice(price);
  return {
    onHead: decider(binding, prepared),
    decorate(context) {
      const reading = context.facts.limits;
      if (!(reading instanceof Reading)) return NO_EDITS;
      return [replaceHeaders(names.all, toFields(reading.standing, names))];
    },
    ...(prepared && meteringBy(prepared)),
    onEnd(context, ending) {
      const allowance = context.facts.limits;
      if (allowance instanceof Allowance) allowance.end(ending, tools.store);
    },
  };
}

type Decide = NonNullable<StageHandlers<"limits">["onHead"]>;

function decider(
  { config, route, tools, names }: Binding,
  price: PreparedPrice | undefined,
): Decide {
  const { store, clock, random = Math.random } = tools;
  const routeLimits = config.routes.get(route.id);
  const policyFor = policySelector({ section: config, route, routeLimits });
  const isLeft = config.leftToConstitution?.has(route.id) ?? false;

  return (context) => {
    const policy = policyFor(context.facts.identity);
    if (policy.scopes.length === 0) return UNLIMITED;
    let verdict: LimitVerdict | Promise<LimitVerdict>;
    try {
      verdict = store.decide({
        groups: groupsOf(policy, context),
        cost: policy.reserve,
        nowMs: clock.nowMs(),
      });
    } catch (error) {
      throw faultOf(error);
    }
    if (!(verdict instanceof Promise)) return toDecision(policy, verdict);
    return verdict.then(
      (decided) => toDecision(policy, decided),
      (error: unknown) => {
        throw faultOf(error);
      },
    );
  };

  function toDecision(policy: LimitPolicy, verdict: LimitVerdict): Decision<"limits"> {
    const nowMs = clock.nowMs();
    if (verdict.isGranted) {
      const cost = price && policy.reserve > 0 ? new Spending(price) : undefined;
      return { verdict: "continue", learned: new Allowance(policy, verdict, { nowMs, cost }) };
    }
    const delayMs = random() * config.retryJitter;
    const learned = new Excess(policy, verdict, { nowMs, delayMs });
    const refusal = refusalOf(verdict.refusedBy.rule, learned);
    if (!isLeft) return { verdict: "reject", rejection: refusal, learned };
    learned.refusal = refusal;
    return { verdict: "continue", learned };
  }

  function refusalOf(rule: LimitRule, excess: Excess): Rejection {
    return rejection(codeOf(rule, routeLimits?.busyStatus), {
      cause: `limit "${rule.name}" of ${rule.limit} is spent`,
      headers: toFields(excess.standing, names),
      retryAfterSeconds: excess.retryAfterSeconds,
    });
  }
}

/** Every scope with the subject that this request is counted for there. */
function groupsOf({ scopes }: LimitPolicy, context: RequestContext) {
  const principal = principalOf(context);
  return scopes.map(({ scope, by, rules }) => ({
    scope,
    subject: by.length === 1 && by[0] === "identity" ? principal : subjectOf(context, by),
    rules,
  }));
}

/** A store that cannot tell is a dependency that is down: what that means is the operator's to say. */
function faultOf(error: unknown): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  return new Fault("limits.store_unavailable", error.message, { cause: error });
}

type Metering = Pick<StageHandlers<"limits">, "onAnswer" | "onResponse" | "onStream">;

/** Only a field makes the runner hold answers; a header is read as it passes. */
function meteringBy({ field }: PreparedPrice): Metering {
  const onAnswer: Metering["onAnswer"] = (context, answer) => spendingOf(context)?.answered(answer);
  return field === undefined ? { onAnswer } : { onAnswer, ...fieldMetering(field) };
}

function fieldMetering(field: FieldPath): Metering {
  return {
    onResponse(context, { headers, body }) {
      spendingOf(context)?.metered(meterBody(headers, body, field));
      return CONTINUE;
    },
    onStream(context, response) {
      const spending = spendingOf(context);
      return spending ? meterStream(response, field, spending) : CONTINUE;
    },
  };
}

function spendingOf({ facts }: RequestContext): Spending | undefined {
  return facts.limits instanceof Allowance ? facts.limits.cost : undefined;
}
