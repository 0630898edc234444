/**
 * What was used in the last span of time, in slots of which the oldest counts whole: never more passes than the rule
 * says, and a unit is free again up to two slots after its time.
 */
import { added, reading, type Counter, type Spent } from "./counter.ts";
import { SLIDING_SLOTS, type LimitReading, type SlidingRule } from "./limit-store.ts";
import type { StoreClock } from "./store-clock.ts";

const NO_USE: readonly number[] = Array.from({ length: SLIDING_SLOTS }, () => 0);

export class SlidingCounter implements Counter<SlidingRule> {
  holds = 0;
  /** A ring; the slot before the newest is the one before it in the ring. */
  readonly #slots: number[] = NO_USE.slice();
  #slotMs = 1;
  /** Number of the newest slot: how many slots' time it begins after 0. */
  #newest = 0;
  #newestAt = 0;
  #used = 0;
  /** What was spent up to here lies in one slot, since slots have had another length. */
  #mergedAtMs = -1;

  waitMs(rule: SlidingRule, units: number, { steadyMs }: StoreClock): number {
    this.#moveTo(rule, steadyMs);
    if (units > rule.limit) return Math.max(1, this.#resetMs(steadyMs));
    let over = this.#used + units - rule.limit;
    if (over <= 0) return 0;
    let age = SLIDING_SLOTS;
    while (over > 0) over -= this.#slots[this.#indexOf(--age)] as number;
    return this.#leavesAtMs(age) - steadyMs;
  }

  spend(units: number, { steadyMs }: StoreClock): number {
    this.#add(0, units);
    return steadyMs;
  }

  read(rule: SlidingRule, { steadyMs }: StoreClock): LimitReading {
    return reading(rule, rule.limit - this.#used, this.#resetMs(steadyMs));
  }

  correct(place: number, { reserved, used }: Spent, { steadyMs }: StoreClock): void {
    this.#expire(Math.floor(steadyMs / this.#slotMs));
    const age = this.#newest - Math.floor(place / this.#slotMs);
    const isThere = age < SLIDING_SLOTS && place > this.#mergedAtMs;
    if (isThere) this.#add(age, used - reserved);
    else if (used > reserved) this.#add(0, used - reserved);
  }

  isWhole({ steadyMs }: StoreClock): boolean {
    return this.#used === 0 || steadyMs >= this.#leavesAtMs(0);
  }

  /** Never takes more out of a slot than there is in it. */
  #add(age: number, units: number): void {
    const index = this.#indexOf(age);
    const before = this.#slots[index] as number;
    const after = Math.max(0, added(before, units));
    this.#slots[index] = after;
    this.#used = added(this.#used, after - before);
  }

  #moveTo(rule: SlidingRule, nowMs: number): void {
    this.#expire(Math.floor(nowMs / this.#slotMs));
    // The oldest slot counts whole, so one slot fewer makes up the span.
    const slotMs = Math.ceil(rule.windowMs / (SLIDING_SLOTS - 1));
    if (slotMs !== this.#slotMs) this.#merge(slotMs, nowMs);
  }

  #expire(newest: number): void {
    const steps = newest - this.#newest;
    if (steps === 0) return;
    this.#newest = newest;
    if (steps >= SLIDING_SLOTS) {
      if (this.#used > 0) this.#slots.fill(0);
      this.#used = 0;
      return;
    }
    for (let step = 0; step < steps; step++) {
      this.#newestAt = (this.#newestAt + 1) % SLIDING_SLOTS;
      this.#used -= this.#slots[this.#newestAt] as number;
      this.#slots[this.#newestAt] = 0;
    }
  }

  /** Other slots than last time (a reload, another tier): the same use, as if all of it were of now. */
  #merge(slotMs: number, nowMs: number): void {
    this.#slotMs = slotMs;
    this.#newest = Math.floor(nowMs / slotMs);
    if (this.#used === 0) return;
    this.#mergedAtMs = nowMs;
    this.#slots.fill(0);
    this.#slots[this.#newestAt] = this.#used;
  }

  #resetMs(nowMs: number): number {
    if (this.#used === 0) return 0;
    let age = 0;
    while (this.#slots[this.#indexOf(age)] === 0) age++;
    return this.#leavesAtMs(age) - nowMs;
  }

  #leavesAtMs(age: number): number {
    return (this.#newest - age + SLIDING_SLOTS) * this.#slotMs;
  }

  #indexOf(age: number): number {
    return (this.#newestAt - age + SLIDING_SLOTS) % SLIDING_SLOTS;
  }
}
