/**
 * What the time of the Redis server is thought to be, from the times in its answers. A guess for calendar windows, which
 * scripts check; nothing is ever admitted on its word.
 */
export class ServerClock {
  readonly #monotonicMs: () => number;
  #aheadMs: number;

  /** Until the server has answered, the wall clock of this machine stands in for its own. */
  constructor(monotonicMs: () => number, wallMs: number) {
    this.#monotonicMs = monotonicMs;
    this.#aheadMs = wallMs - monotonicMs();
  }

  /** The server has just said that it is `serverMs`. */
  note(serverMs: number): void {
    this.#aheadMs = serverMs - this.#monotonicMs();
  }

  nowMs(): number {
    return Math.floor(this.#monotonicMs() + this.#aheadMs);
  }
}
