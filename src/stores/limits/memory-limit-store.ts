/**
 * Limits counted in the memory of this process. Answers at once; never holds more than a fixed number of counters, and
 * never forgets one that still says something.
 */
import { Counters, read, settle, spend } from "./counters.ts";
import type { Lease, LimitGroup, LimitReading, LimitStore, LimitVerdict } from "./limit-store.ts";

/**
 * Subjects counted at the same time, over all scopes; about 350 bytes each, so some 35 MB when full. Raised, a flood
 * of identities costs that much more memory; lowered, it makes callers share an allowance sooner.
 */
const DEFAULT_MAX_COUNTERS = 100_000;

/** Old counters looked at for each new one, so that forgetting costs the same at any size. */
const SWEEP_STEPS = 4;
/** The same when there is no room: worth more work, still bounded. */
const SWEEP_STEPS_WHEN_FULL = 64;

interface Scope {
  readonly counters: Map<string, Counters>;
  /** What all subjects share for whom there was no room. */
  shared: Counters | undefined;
}

export interface MemoryLimitStoreOptions {
  /** Default `DEFAULT_MAX_COUNTERS`. */
  readonly maxCounters?: number;
}

/** A lease on counters in this process. */
class MemoryLease {
  held: readonly Counters[];

  constructor(held: readonly Counters[]) {
    this.held = held;
  }
}

const NOTHING: readonly Counters[] = [];

export class MemoryLimitStore implements LimitStore {
  readonly #maxCounters: number;
  readonly #scopes = new Map<string, Scope>();
  /** All counters but the shared ones, in no order; the sweep walks around it. */
  readonly #ring: Counters[] = [];
  #sweepAt = 0;

  constructor({ maxCounters = DEFAULT_MAX_COUNTERS }: MemoryLimitStoreOptions = {}) {
    this.#maxCounters = maxCounters;
  }

  /** Counters held now, for metrics. Never above the maximum, but for one shared set a scope. */
  get size(): number {
    return this.#ring.length;
  }

  decide(subject: string, groups: readonly LimitGroup[], nowMs: number): LimitVerdict {
    const now = Math.floor(nowMs);
    const counters: Counters[] = [];
    let waitMs = 0;
    let refusedAt = 0;
    let at = 0;
    for (const group of groups) {
      const own = this.#countersOf(group.scope, subject, now);
      counters.push(own);
      for (const rule of group.rules) {
        const ruleWaitMs = settle(own, rule, now);
        if (ruleWaitMs > waitMs) {
          waitMs = ruleWaitMs;
          refusedAt = at;
        }
        at++;
      }
    }
    if (waitMs === 0) return this.#grant(counters, groups, now);
    const readings = readAll(counters, groups, now);
    return {
      isGranted: false,
      readings,
      refusedBy: readings[refusedAt] as LimitReading,
      retryAfterMs: waitMs,
    };
  }

  release(lease: Lease): void {
    if (!(lease instanceof MemoryLease)) return;
    const { held } = lease;
    lease.held = NOTHING;
    for (const counters of held) counters.running--;
  }

  #grant(
    counters: readonly Counters[],
    groups: readonly LimitGroup[],
    nowMs: number,
  ): LimitVerdict {
    let held: Counters[] | undefined;
    for (let i = 0; i < groups.length; i++) {
      const own = counters[i] as Counters;
      for (const rule of (groups[i] as LimitGroup).rules) {
        spend(own, rule, nowMs);
        if (rule.kind === "concurrency") (held ??= []).push(own);
      }
    }
    return {
      isGranted: true,
      readings: readAll(counters, groups, nowMs),
      lease: held && new MemoryLease(held),
    };
  }

  #countersOf(scopeName: string, subject: string, nowMs: number): Counters {
    let scope = this.#scopes.get(scopeName);
    if (!scope) {
      // Scopes come from the configuration, so their number is bounded by it.
      scope = { counters: new Map(), shared: undefined };
      this.#scopes.set(scopeName, scope);
    }
    const counters =
      scope.counters.get(subject) ??
      this.#newCounters(scope, new Counters(scopeName, subject), nowMs);
    // The next group of this same request may sweep: what it already holds must not be forgotten under its feet.
    counters.keepUntil(nowMs + 1);
    return counters;
  }

  /**
   * At the maximum, and with nothing to forget, newcomers share one set of counters a scope. That is coarse and
   * strict: together they get what one subject gets. It never hands out a fresh allowance for pushing somebody out.
   */
  #newCounters(scope: Scope, fresh: Counters, nowMs: number): Counters {
    this.#sweep(SWEEP_STEPS, nowMs);
    if (this.#ring.length >= this.#maxCounters) this.#sweep(SWEEP_STEPS_WHEN_FULL, nowMs);
    if (this.#ring.length >= this.#maxCounters) return (scope.shared ??= fresh);
    scope.counters.set(fresh.subject, fresh);
    this.#ring.push(fresh);
    return fresh;
  }

  #sweep(steps: number, nowMs: number): void {
    for (let i = 0; i < steps && this.#ring.length > 0; i++) {
      if (this.#sweepAt >= this.#ring.length) this.#sweepAt = 0;
      const counters = this.#ring[this.#sweepAt] as Counters;
      if (!counters.isForgettable(nowMs)) {
        this.#sweepAt++;
        continue;
      }
      this.#scopes.get(counters.scope)?.counters.delete(counters.subject);
      const last = this.#ring.pop() as Counters;
      if (last !== counters) this.#ring[this.#sweepAt] = last;
    }
  }
}

function readAll(
  counters: readonly Counters[],
  groups: readonly LimitGroup[],
  nowMs: number,
): LimitReading[] {
  const readings: LimitReading[] = [];
  for (let i = 0; i < groups.length; i++)
    for (const rule of (groups[i] as LimitGroup).rules)
      readings.push(read(counters[i] as Counters, rule, nowMs));
  return readings;
}
