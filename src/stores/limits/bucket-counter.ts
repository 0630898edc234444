/**
 * A token bucket as GCRA in its leaky-bucket form (ITU-T I.371): what was used and has not drained yet. Units that are
 * given back make room at once, never more than the bucket holds. So in any span at most the burst and what the rate
 * brings is used, and what requests that already ran had reserved and did not use.
 */
import { added, reading, type Counter, type Spent } from "./counter.ts";
import type { BucketRule, LimitReading } from "./limit-store.ts";
import type { StoreClock } from "./store-clock.ts";

export class BucketCounter implements Counter<BucketRule> {
  holds = 0;
  /** In 1/`perMs` units, so that `count` of them drain in every millisecond and all of it stays whole. */
  #debt = 0;
  #perMs = 1;
  #count = 1;
  #atMs = 0;

  waitMs(rule: BucketRule, units: number, clock: StoreClock): number {
    this.#drain(rule, clock.steadyMs);
    if (units > rule.limit) return Math.max(1, Math.ceil(this.#debt / rule.count));
    const over = this.#debt - (rule.limit - units) * rule.perMs;
    return over > 0 ? Math.ceil(over / rule.count) : 0;
  }

  spend(units: number): number {
    this.#debt = added(this.#debt, units * this.#perMs);
    return 0;
  }

  read(rule: BucketRule): LimitReading {
    const left = Math.floor((rule.limit * rule.perMs - this.#debt) / rule.perMs);
    return reading(rule, left, Math.ceil(this.#debt / rule.count));
  }

  correct(_place: number, { reserved, used }: Spent, { steadyMs }: StoreClock): void {
    this.#drainTo(steadyMs);
    this.#debt = Math.max(0, added(this.#debt, (used - reserved) * this.#perMs));
  }

  isWhole({ steadyMs }: StoreClock): boolean {
    return this.#debt <= (steadyMs - this.#atMs) * this.#count;
  }

  #drain(rule: BucketRule, nowMs: number): void {
    if (this.#perMs !== rule.perMs) {
      // Other numbers than last time (a reload, another tier): the same use, in the new unit, rounded up.
      const debt = Math.ceil((this.#debt / this.#perMs) * rule.perMs);
      this.#debt = Math.min(debt, Number.MAX_SAFE_INTEGER);
      this.#perMs = rule.perMs;
    }
    this.#count = rule.count;
    this.#drainTo(nowMs);
  }

  #drainTo(nowMs: number): void {
    const left = this.#debt - (nowMs - this.#atMs) * this.#count;
    this.#debt = left > 0 ? left : 0;
    this.#atMs = nowMs;
  }
}
