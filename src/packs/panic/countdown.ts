/**
 * One break-glass that is on: until when, on two clocks, and how often it was used. It must never be over later than
 * the earlier of the two.
 */
import type { BreakGlassState } from "./break-glass-event.ts";

/** At most one event of use in a second: a busy gateway must not drown its log in what each decision says anyway. */
const USE_EVENT_INTERVAL_MS = 1_000;

/** Timers of Node fire at once when asked to wait longer. */
const TIMER_LIMIT_MS = 2_147_483_647;

export interface Clocks {
  /** May be set back, and then says for too long that there is time. */
  readonly nowMs: () => number;
  /** Never goes back; stands still while the machine sleeps. */
  readonly monotonicMs: () => number;
}

/** Uses since they were last told, and all. */
export interface Uses {
  readonly uses: number;
  readonly total: number;
}

export class Countdown {
  readonly state: BreakGlassState;
  readonly #monotonicEndMs: number;
  readonly #clocks: Clocks;
  #total = 0;
  #untold = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(state: BreakGlassState, monotonicEndMs: number, clocks: Clocks) {
    this.state = state;
    this.#monotonicEndMs = monotonicEndMs;
    this.#clocks = clocks;
  }

  get total(): number {
    return this.#total;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.state.untilMs || this.#clocks.monotonicMs() >= this.#monotonicEndMs;
  }

  /** Asks `isStillOn` when the time is over, so that the end is told then and not with the next request. */
  watch(isStillOn: () => boolean): void {
    const leftMs = Math.min(
      this.state.untilMs - this.#clocks.nowMs(),
      this.#monotonicEndMs - this.#clocks.monotonicMs(),
    );
    this.#timer = setTimeout(
      () => {
        // The wall clock may have been set back meanwhile.
        if (isStillOn()) this.watch(isStillOn);
      },
      Math.min(Math.max(1, leftMs), TIMER_LIMIT_MS),
    ).unref();
  }

  stopWatching(): void {
    clearTimeout(this.#timer);
  }

  /** Counts one; what is to be told now, if anything. */
  use(): Uses | undefined {
    this.#total += 1;
    this.#untold += 1;
    const atMs = this.#clocks.monotonicMs();
    if (atMs - this.#toldAtMs < USE_EVENT_INTERVAL_MS) return undefined;
    const uses = this.#untold;
    this.#toldAtMs = atMs;
    this.#untold = 0;
    return { uses, total: this.#total };
  }
}
