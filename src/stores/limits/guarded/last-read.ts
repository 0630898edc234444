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

interface Remaining {
  units: number;
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

  #remember(key: string, { remaining, resetMs }: LimitReading, nowMs: number): void {
    const known = this.#remaining.get(key);
    if (known === undefined) {
      this.#remaining.set(key, { units: remaining, endsAtMs: nowMs + resetMs });
      return;
    }
    known.units = remaining;
    known.endsAtMs = nowMs + resetMs;
  }

  /** Undefined when it was not read lately, or of a window that has ended. */
  remainingOf(group: LimitGroup, rule: LimitRule, nowMs: number): number | undefined {
    if (!isRemembered(rule)) return undefined;
    const known = this.#remaining.get(counterKey(group, rule));
    return known === undefined || nowMs >= known.endsAtMs ? undefined : known.units;
  }
}
