/**
 * Among how many replicas limits are shared: the most that were told of lately. Just after a store has come back, it has
 * heard again from few of them; a part of a limit must never be sized by such a number.
 */
import type { Clock } from "../../../pipeline/stage.ts";

/** A number counts for at least so long. Raised, parts of replicas that have left stay unused for longer. */
const REMEMBERED_MS = 60_000;

export class Shareholders {
  readonly #told: () => number;
  readonly #clock: Clock;
  #sinceMs: number;
  #most = 0;
  #mostBefore = 0;

  constructor(told: () => number, clock: Clock) {
    this.#told = told;
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** A whole number from 1; without end when nobody can tell, which makes every part nothing. */
  count(): number {
    this.#forget();
    const told = this.#told();
    this.#most = Math.max(this.#most, told >= 1 ? Math.ceil(told) : Infinity);
    return Math.max(this.#most, this.#mostBefore);
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    const ageMs = nowMs - this.#sinceMs;
    if (ageMs < REMEMBERED_MS) return;
    this.#mostBefore = ageMs < 2 * REMEMBERED_MS ? this.#most : 0;
    this.#most = 0;
    this.#sinceMs = nowMs;
  }
}
