/**
 * Remembers the deliveries of one partner that were accepted, so that none is accepted twice. It must never forget one
 * that could still be accepted: when it is full it takes no further ones.
 */

/**
 * About 12 MB a partner. At the default tolerance it holds 160 deliveries a second; a partner that sends more needs a
 * shorter one. Only deliveries with the right signature get in, so strangers cannot fill it.
 */
const REPLAY_ENTRIES = 100_000;

export class DeliveryMemory {
  /** Digest of what was signed, to when it came (monotonic clock); in that order, so that the oldest is first. */
  readonly #cameAtMs = new Map<string, number>();
  readonly #limit: number;
  #keepMs = 0;
  #sinceMs = 0;

  constructor(limit: number = REPLAY_ENTRIES) {
    this.#limit = limit;
  }

  /**
   * For one configuration's tolerance; outlives configurations, or a reload would let every delivery come once more.
   * `nowMs` is the wall clock.
   */
  keepFor(toleranceMs: number, nowMs: number): void {
    // A time may lie a tolerance ahead when it comes, and is good for a tolerance after that.
    const keepMs = 2 * toleranceMs;
    if (keepMs <= this.#keepMs) return;
    this.#keepMs = keepMs;
    this.#sinceMs = nowMs;
  }

  /**
   * Whether something signed then would still be known. What was signed before this process began, or before a longer
   * tolerance, may have been accepted and forgotten. Times are whole seconds.
   */
  reaches(signedSeconds: number): boolean {
    return signedSeconds >= Math.floor(this.#sinceMs / 1000);
  }

  /** Remembers a delivery; or says why it cannot be accepted. */
  remember(digest: string, monotonicMs: number): "first" | "seen" | "full" {
    if (this.#cameAtMs.has(digest)) return "seen";
    for (const [oldest, cameAtMs] of this.#cameAtMs) {
      if (monotonicMs - cameAtMs <= this.#keepMs) break;
      this.#cameAtMs.delete(oldest);
    }
    if (this.#cameAtMs.size >= this.#limit) return "full";
    this.#cameAtMs.set(digest, monotonicMs);
    return "first";
  }
}
