/** How long to wait before the next attempt: longer each time, and never two processes at the same moment. */

/** After the first failure. */
const LEAST_MS = 50;
/** Raised, a server that is back is noticed later; lowered, many replicas ask a sick one more often. */
const MOST_MS = 1_000;

export class Backoff {
  #failures = 0;

  /** Between half of the step and the whole of it. */
  nextMs(): number {
    const stepMs = Math.min(MOST_MS, LEAST_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    return stepMs * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
