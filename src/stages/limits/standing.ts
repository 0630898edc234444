/**
 * Where a caller stands after its request was decided: the fact of this stage. It also carries, out of sight of the
 * others, what this stage needs again at the end.
 */
import type { Limited, LimitState } from "../../pipeline/facts.ts";
import type { Rejection } from "../../pipeline/rejection.ts";
import type { Ending } from "../../pipeline/stage.ts";
import type {
  Degraded,
  Hold,
  LimitReading,
  LimitStore,
  LimitVerdict,
} from "../../stores/limits/limit-store.ts";
import type { Standing } from "./fields.ts";
import { tightestOf, type LimitPolicy } from "./policy.ts";
import type { Spending } from "./spending.ts";

type Granted = Extract<LimitVerdict, { isGranted: true }>;
type Refused = Extract<LimitVerdict, { isGranted: false }>;

/** Longest that a refused caller is told to wait: until the end of the longest month. */
const MAX_RETRY_MS = 31 * 86_400_000;

const toState = ({ rule, remaining, resetMs }: LimitReading): LimitState => ({
  name: rule.name,
  limit: rule.limit,
  remaining,
  resetSeconds: Math.ceil(resetMs / 1000),
  kind: rule.kind,
  unit: rule.unit,
});

export abstract class Reading implements Limited {
  readonly policy: LimitPolicy;
  readonly readings: readonly LimitReading[];
  readonly degraded: Degraded | undefined;
  readonly nowMs: number;
  #states: readonly LimitState[] | undefined;

  constructor(policy: LimitPolicy, { readings, degraded }: LimitVerdict, nowMs: number) {
    this.policy = policy;
    this.readings = readings;
    this.degraded = degraded;
    this.nowMs = nowMs;
  }

  /** What the headers of the answer say. */
  abstract get standing(): Standing;

  get tier(): string {
    return this.policy.tier;
  }

  /** Made only when somebody looks. */
  get states(): readonly LimitState[] {
    return (this.#states ??= this.readings.map(toState));
  }
}

/** All limits let the request pass, and it is counted. */
export class Allowance extends Reading {
  readonly cost: Spending | undefined;
  #hold: Hold | undefined;

  constructor(
    policy: LimitPolicy,
    verdict: Granted,
    { nowMs, cost }: { readonly nowMs: number; readonly cost: Spending | undefined },
  ) {
    super(policy, verdict, nowMs);
    this.#hold = verdict.hold;
    this.cost = cost;
  }

  get standing(): Standing {
    const { policy, readings, nowMs, degraded } = this;
    const first = tightestOf(readings, policy.reserve);
    const firstResetMs = (readings[first] as LimitReading).resetMs;
    return { policy, readings, first, firstResetMs, nowMs, degraded };
  }

  /** Gives back what the request held, and what it did not cost. Once. */
  end(ending: Ending, store: LimitStore): void {
    const cost = this.cost?.end(ending);
    const hold = this.#hold;
    if (hold === undefined) return;
    this.#hold = undefined;
    store.finish(hold, cost);
  }
}

/** One of the limits refused, and nothing was counted. */
export class Excess extends Reading {
  readonly standing: Standing;
  readonly refusedBy: LimitState;
  refusal: Rejection | undefined;

  /** The delay comes on top of the wait, so that not all who were refused come back at once. */
  constructor(
    policy: LimitPolicy,
    verdict: Refused,
    { nowMs, delayMs }: { readonly nowMs: number; readonly delayMs: number },
  ) {
    super(policy, verdict, nowMs);
    const { readings, refusedBy, retryAfterMs, degraded } = verdict;
    // The draft's section on Retry-After: when both are sent they SHOULD name the same moment.
    const firstResetMs = Math.min(Math.max(retryAfterMs, 1) + delayMs, MAX_RETRY_MS);
    const first = Math.max(0, readings.indexOf(refusedBy));
    this.standing = { policy, readings, first, firstResetMs, nowMs, degraded };
    this.refusedBy = toState(refusedBy);
  }

  get retryAfterSeconds(): number {
    return Math.ceil(this.standing.firstResetMs / 1000);
  }
}
