/**
 * The contract of every store that counts: all limits of one request are decided together, so that a refusal by one
 * spends none of the others. A store never lets more through than the rules say, whatever it has lost or forgotten.
 */

/** What a rule counts: each request as one, or the units of work that a request is said or measured to cost. */
export type LimitUnit = "requests" | "cost";

/** `exact`: every decision is the shared store's. `leased`: a replica takes a part ahead and spends it by itself. */
export type LimitSpeed = "exact" | "leased";

/** What a limit means while the shared store is away: this replica's part of it, no limit at all, or a refusal. */
export type OnStoreFailure = "share" | "allow" | "deny";

interface CommonRule {
  /** Of `RateLimit` and records; unique among the rules of a request. */
  readonly name: string;
  /** Units; a whole number from 1. */
  readonly limit: number;
  readonly unit: LimitUnit;
  readonly speed: LimitSpeed;
  readonly onStoreFailure: OnStoreFailure;
}

/**
 * Token bucket (GCRA): `limit` units at once, refilled by `count` every `perMs`. In any span of t milliseconds at most
 * `limit + t * count / perMs` units pass. All three are whole numbers, and `limit * perMs` is a safe integer, so that
 * stores can count without rounding.
 */
export interface BucketRule extends CommonRule {
  readonly kind: "bucket";
  readonly count: number;
  readonly perMs: number;
}

/**
 * So many units in any span of `windowMs`. Counted in `SLIDING_SLOTS` slots, of which the oldest counts whole: never
 * more passes than the rule says, and up to a slot's worth of time later.
 */
export interface SlidingRule extends CommonRule {
  readonly kind: "sliding";
  readonly windowMs: number;
}

export const CALENDAR_PERIODS = ["minute", "hour", "day", "month"] as const;
export type CalendarPeriod = (typeof CALENDAR_PERIODS)[number];

/** So many units in each calendar period of the time zone. */
export interface QuotaRule extends CommonRule {
  readonly kind: CalendarPeriod;
  /** IANA name, such as `Europe/Zurich`; a day there may have 23 or 25 hours. */
  readonly timeZone: string;
}

/** So many requests at the same time. A granted request holds a slot until it is finished; always `unit: "requests"`. */
export interface ConcurrencyRule extends CommonRule {
  readonly kind: "concurrency";
}

/**
 * One limit. A group holds at most one of each kind and unit: kind and unit name the counter that it is kept in, so that
 * changed numbers leave what was used as it is.
 */
export type LimitRule = BucketRule | SlidingRule | QuotaRule | ConcurrencyRule;

export const SLIDING_SLOTS = 32;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Limits that are counted for one subject in one scope. Counters are kept by scope, subject, kind and unit. */
export interface LimitGroup {
  /** Such as `route:churn.v2.predict` or `total`; from the configuration, never from a caller. */
  readonly scope: string;
  /** Whom it counts for, such as an identity's key; may be any text of a caller's. */
  readonly subject: string;
  readonly rules: readonly LimitRule[];
}

/** One request that asks to pass. */
export interface LimitRequest {
  readonly groups: readonly LimitGroup[];
  /** Units taken from every rule that counts cost, the worst case until `finish` says better; 0 and up. */
  readonly cost: number;
  /** Wall-clock time of this process. A store with a clock of its own goes by that one. */
  readonly nowMs: number;
}

/** One limit after the decision. */
export interface LimitReading {
  readonly rule: LimitRule;
  /** Units that would still pass now. */
  readonly remaining: number;
  /** Milliseconds until the limit is whole again; 0 for concurrency, which no clock refills. */
  readonly resetMs: number;
}

/** Proof that a request was counted and may still run, to be given back. Opaque: only its store looks inside. */
export type Hold = object;

/** How a store that is usually shared decided without the others. */
export type Degraded = "share" | "allow";

export type LimitVerdict =
  | {
      readonly isGranted: true;
      /** In the order of the groups and their rules. */
      readonly readings: readonly LimitReading[];
      /** Undefined when there is nothing to give back: no rule counts cost or concurrency. */
      readonly hold: Hold | undefined;
      readonly degraded?: Degraded | undefined;
    }
  | {
      readonly isGranted: false;
      readonly readings: readonly LimitReading[];
      /** The limit that keeps the request waiting longest. */
      readonly refusedBy: LimitReading;
      /** Milliseconds until every limit would let this request pass, if nobody else asks meanwhile. */
      readonly retryAfterMs: number;
      readonly degraded?: Degraded | undefined;
    };

/** No clock tells when a running request ends: a caller at its concurrency limit is told to try after this. */
export const CONCURRENCY_RETRY_MS = 1_000;

export interface LimitStore {
  /**
   * Decides one request against all groups at once. A clock set back refills nothing and locks nobody out; a clock set
   * forward refills what it skipped. A request that asks for more cost than a rule's limit never passes; it is told when
   * that limit is whole again. Rejects with `StoreUnavailable` when it cannot tell. A store in the same process answers
   * at once, without a promise, and throws.
   */
  decide(request: LimitRequest): LimitVerdict | Promise<LimitVerdict>;
  /**
   * The request has ended, by whatever way: gives its slots back and corrects its cost from what was reserved to
   * `cost`, upwards too, also beyond a limit; undefined, or what is no amount, leaves what was reserved. Cost reserved
   * in a calendar window that has ended meanwhile is not given back to the next; what was used beyond it is taken from
   * the current one. What a bucket gets back may be spent again at once: over any span, that much of what running
   * requests had reserved passes on top. Never throws, and a second call with the same hold does
   * nothing. A store that outlives this process lets holds end on their own when nobody renews them.
   */
  finish(hold: Hold, cost: number | undefined): void;
  /** Gives back what can be given back and frees timers and connections. */
  close?(): Promise<void> | void;
}
