/**
 * How long the shared store has been away. An outage is over when the store has decided again; one in which it was only
 * out of reach also when it has been reachable for a while. It is never over because the store blinked.
 */
import type { Clock } from "../../../pipeline/stage.ts";
import type { RedisState } from "../../redis/redis-link.ts";

/** Reachable for this long, the store is back. Raised, two short outages count as one long one sooner. */
const STEADY_MS = 5_000;

export class Outage {
  readonly #clock: Clock;
  #sinceMs: number | undefined;
  #wallAtStartMs = 0;
  /** A question was sent and not answered: that the store can be reached says no longer that it decides. */
  #isMute = false;
  #upAtMs: number | undefined;
  #downSinceMs: number | undefined;
  #downMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The store was asked and did not answer. */
  unanswered(): void {
    this.lasts();
    this.#isMute = true;
  }

  /** The store is away. Milliseconds that it has been. */
  lasts(): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#wasBack(nowMs)) this.#sinceMs = undefined;
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs;
      this.#wallAtStartMs = this.#clock.nowMs();
    }
    return nowMs - this.#sinceMs;
  }

  /** The store decided. */
  ended(): void {
    this.#sinceMs = undefined;
    this.#isMute = false;
  }

  turned(state: RedisState): void {
    const nowMs = this.#clock.monotonicMs();
    if (state === "down") {
      this.lasts();
      this.#upAtMs = undefined;
      this.#downSinceMs ??= nowMs;
      return;
    }
    this.#upAtMs = nowMs;
    if (this.#downSinceMs !== undefined) this.#downMs += nowMs - this.#downSinceMs;
    this.#downSinceMs = undefined;
  }

  /** Wall-clock time as it was when the outage began, moved on evenly: a clock that is set meanwhile refills nothing. */
  nowMs(): number {
    if (this.#sinceMs === undefined) return this.#clock.nowMs();
    return this.#wallAtStartMs + Math.floor(this.#clock.monotonicMs() - this.#sinceMs);
  }

  /** Time without a connection so far, of this outage and all before. */
  get downMs(): number {
    if (this.#downSinceMs === undefined) return this.#downMs;
    return this.#downMs + (this.#clock.monotonicMs() - this.#downSinceMs);
  }

  #wasBack(nowMs: number): boolean {
    const upAtMs = this.#upAtMs;
    return !this.#isMute && upAtMs !== undefined && nowMs - upAtMs >= STEADY_MS;
  }
}
