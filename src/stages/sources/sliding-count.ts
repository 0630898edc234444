/**
 * A count over a window that slides, in three numbers: what happened in the current window, and of the one before the
 * share that still counts, as if spread evenly over it. Windows start with the first event.
 */
export class SlidingCount {
  #startMs: number;
  #current = 0;
  #previous = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  add(nowMs: number, perMs: number): void {
    this.#turn(nowMs, perMs);
    this.#current++;
  }

  /** Events in the last `perMs`. */
  used(nowMs: number, perMs: number): number {
    this.#turn(nowMs, perMs);
    return this.#current + (this.#previous * (perMs - (nowMs - this.#startMs))) / perMs;
  }

  /** Milliseconds until one more event is within `count`, if none happens meanwhile; 0 when it is now. */
  waitMs(nowMs: number, count: number, perMs: number): number {
    if (this.used(nowMs, perMs) + 1 <= count) return 0;
    const elapsedMs = nowMs - this.#startMs;
    const room = count - 1 - this.#current;
    // The share of the window before shrinks until there is room; or this window must first become the one before.
    const waitMs =
      room >= 0
        ? perMs - (room * perMs) / this.#previous - elapsedMs
        : perMs - elapsedMs + perMs - ((count - 1) * perMs) / this.#current;
    return Math.max(1, Math.ceil(waitMs));
  }

  clear(nowMs: number): void {
    this.#startMs = nowMs;
    this.#current = 0;
    this.#previous = 0;
  }

  /** Moves on to the window that holds `nowMs`. */
  #turn(nowMs: number, perMs: number): void {
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < perMs) return;
    if (elapsedMs < 2 * perMs) {
      this.#previous = this.#current;
      this.#startMs += perMs;
    } else {
      this.#previous = 0;
      this.#startMs = nowMs;
    }
    this.#current = 0;
  }
}
