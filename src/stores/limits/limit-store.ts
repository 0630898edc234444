/**
 * The contract of every store that counts: all limits of one request are decided together, so that a refusal by one
 * spends none of the others. A store never lets more through than the rules say, whatever it has lost or forgotten.
 */

/**
 * Token bucket (GCRA): `burst` requests at once, refilled by `count` every `perMs`. In any span of t milliseconds at
 * most `burst + t * count / perMs` requests pass. All three are whole numbers, and `burst * perMs` is a safe integer,
 * so that stores can count without rounding.
 */
export interface BucketRule {
  readonly kind: "bucket";
  readonly name: string;
  readonly limit: number;
  readonly count: number;
  readonly perMs: number;
}

/** So many requests in each calendar window of UTC; `windowMs` says which of the three it is. */
export interface QuotaRule {
  readonly kind: "minute" | "hour" | "day";
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
}

/** So many requests at the same time. A granted request holds a lease until it is released. */
export interface ConcurrencyRule {
  readonly kind: "concurrency";
  readonly name: string;
  readonly limit: number;
}

/** One limit. A list of rules holds at most one of each kind: the kind names the counter it is kept in. */
export type LimitRule = BucketRule | QuotaRule | ConcurrencyRule;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/**
 * Limits that share one set of counters for each subject. Counters are kept by scope, subject and kind, not by the
 * rules: when a configuration or a tier changes the numbers, what was used stays used.
 */
export interface LimitGroup {
  /** Such as a route's id. */
  readonly scope: string;
  readonly rules: readonly LimitRule[];
}

/** One limit after the decision. */
export interface LimitReading {
  readonly rule: LimitRule;
  /** Requests that would still pass now. */
  readonly remaining: number;
  /** Milliseconds until the limit is whole again; 0 for concurrency, which no clock refills. */
  readonly resetMs: number;
}

/** Proof that a request runs, to be given back. Opaque: only the store that made it looks inside. */
export type Lease = object;

export type LimitVerdict =
  | {
      readonly isGranted: true;
      /** In the order of the groups and their rules. */
      readonly readings: readonly LimitReading[];
      /** Undefined when no rule limits concurrency: there is nothing to release. */
      readonly lease: Lease | undefined;
    }
  | {
      readonly isGranted: false;
      readonly readings: readonly LimitReading[];
      /** The limit that keeps the request waiting longest. */
      readonly refusedBy: LimitReading;
      /** Milliseconds until every limit would let a request pass, if nobody else asks meanwhile. */
      readonly retryAfterMs: number;
    };

/** No clock tells when a running request ends: a caller at its concurrency limit is told to try after this. */
export const CONCURRENCY_RETRY_MS = 1_000;

export interface LimitStore {
  /**
   * Decides one request of `subject` against all groups at once, or throws a `Fault` with
   * `limits.store_unavailable`. `nowMs` is wall-clock time. A clock set back refills nothing and locks nobody out; a
   * clock set forward refills what it skipped. A store in the same process answers at once, without a promise.
   */
  decide(
    subject: string,
    groups: readonly LimitGroup[],
    nowMs: number,
  ): LimitVerdict | Promise<LimitVerdict>;
  /**
   * Gives a lease back. Never throws, and a second release of the same lease does nothing. A store that outlives this
   * process must let leases end on their own when nobody renews them.
   */
  release(lease: Lease): void;
}
