/**
 * What every kind of counter can do, so that a store treats them alike. Counters hold whole numbers only, so that
 * nothing is ever let through by rounding, and never read a clock of their own.
 */
import type { LimitReading, LimitRule } from "./limit-store.ts";
import type { StoreClock } from "./store-clock.ts";

export interface Counter<Rule extends LimitRule = LimitRule> {
  /** Running requests that have yet to say what they used; it must not be forgotten before. */
  holds: number;
  /**
   * Brings the counter up to now and says how long a request of so many units has to wait; 0 when it may pass. One that
   * asks for more than the limit never may: it is told when the limit is whole again, which is all there will ever be.
   */
  waitMs(rule: Rule, units: number, clock: StoreClock): number;
  /** Takes units, after `waitMs` has said 0 at the same moment. Returns where they stand, for `correct`. */
  spend(units: number, clock: StoreClock): number;
  /** What is left, after `waitMs` at the same moment. */
  read(rule: Rule, clock: StoreClock): LimitReading;
  /** The request that spent at `place` what it reserved has ended. */
  correct(place: number, spent: Spent, clock: StoreClock): void;
  /** Says no more than a new counter would. */
  isWhole(clock: StoreClock): boolean;
}

/** Of one request, in units. */
export interface Spent {
  readonly reserved: number;
  readonly used: number;
}

/** A limit that has become smaller than what was used under the old one leaves nothing, not less than nothing. */
export const reading = (rule: LimitRule, remaining: number, resetMs: number): LimitReading => ({
  rule,
  remaining: remaining > 0 ? remaining : 0,
  resetMs,
});

/** The sum of two amounts that stays exact, whatever somebody claims to have used. */
export const added = (amount: number, more: number): number =>
  Math.min(amount + more, Number.MAX_SAFE_INTEGER);
