/**
 * What the shared store last said was left of calendar quotas, so that an outage does not begin with a fresh allowance.
 * A reading never outlives its window.
 */
import type { LimitGroup, LimitReading, LimitRule } from "../limit-store.ts";
import { counterKey } from "./counter-key.ts";
import { Recent } from "./recent.ts";

/**
 * Counters remembered at least; about 250 bytes each and twice as many at most, so some 10 MB. Lowered, an outage gives
 * more callers their part of the whole quota instead of their part of what was left.
 */
const COUNTERS_KEPT = 20_000;

/** Ends of windows that lie closer together are one window's, told by clocks and answers that take their time. */
const SAME_WINDOW_MS = 10_000;

interface Remaining {
  units: number;
  limit: number;
  /** Monotonic: the window ends then, whatever is done to the wall clock. */
  endsAtMs: number;
}

/** Quotas whose part is given in an outage; of the other limits nothing has to be remembered. */
const isRemembered = (rule: LimitRule): boolean =>
  rule.onStoreFailure === "share" &&
  rule.kind !== "bucket" &&
  rule.kind !== "sliding" &&
  rule.kind !== "concurrency";

export class LastRead {
  readonly #remaining = new Recent<Remaining>(COUNTERS_KEPT);

  /** `readings` in the order of the groups and their rules. */
  remember(
    groups: readonly LimitGroup[],
    readings: readonly LimitReading[],
    monotonicMs: () => number,
  ): void {
    let at = 0;
    for (const group of groups)
      for (const rule of group.rules) {
        const reading = readings[at++];
        if (reading !== undefined && isRemembered(rule))
          this.#remember(counterKey(group, rule), reading, monotonicMs());
      }
  }

  #remember(key: string, { rule, remaining, resetMs }: LimitReading, nowMs: number): void {
    const endsAtMs = nowMs + resetMs;
    const known = this.#remaining.get(key);
    if (known === undefined) {
      this.#remaining.set(key, { units: remaining, limit: rule.limit, endsAtMs });
      return;
    }
    // Answers overtake each other on several connections. Requests are never given back, so the least is the newest.
    const isSame =
      rule.unit === "requests" &&
      rule.limit === known.limit &&
      Math.abs(endsAtMs - known.endsAtMs) < SAME_WINDOW_MS;
    known.units = isSame ? Math.min(known.units, remaining) : remaining;
    known.limit = rule.limit;
    known.endsAtMs = endsAtMs;
  }

  /** Undefined when it was not read lately, or of a window that has ended. */
  remainingOf(group: LimitGroup, rule: LimitRule, nowMs: number): number | undefined {
    if (!isRemembered(rule)) return undefined;
    const known = this.#remaining.get(counterKey(group, rule));
    return known === undefined || nowMs >= known.endsAtMs ? undefined : known.units;
  }
}
