/**
 * Hands the newest signed note on, at a bounded rate: a ledger makes hundreds a second, and each says all that the ones
 * before it said. It must never wait where a note is offered.
 */
import { reportOf, type ErrorReport } from "./outward-error.ts";
import { RetryLoop, type Backoff } from "./retry-loop.ts";

/** At most so much of a cut-off tail is unseen outside. Lowered, every interval costs a request to whoever takes it. */
export const DEFAULT_CHECKPOINT_INTERVAL_MS = 60_000;

/** Longest time `close` tries to hand over the last note: it is what shows a cut tail of a gateway that is gone. */
const CLOSE_GRACE_MS = 3_000;

export interface CheckpointFeedOptions {
  readonly deliver: (note: string, size: number, signal: AbortSignal) => Promise<void>;
  /** Least time between two deliveries. Default 60 s. */
  readonly intervalMs?: number;
  readonly backoff?: Backoff;
}

export class CheckpointFeed {
  readonly #deliver: CheckpointFeedOptions["deliver"];
  readonly #intervalMs: number;
  readonly #loop: RetryLoop;
  #newest: { note: string; size: number; offeredAtMs: number } | undefined;
  #deliveredSize: number | undefined;
  #deliveredAtMs = Number.NEGATIVE_INFINITY;
  #wakeTimer: NodeJS.Timeout | undefined;
  #isClosing = false;
  #sent = 0;
  #failed = 0;
  #lastError: ErrorReport | undefined;

  constructor(options: CheckpointFeedOptions) {
    this.#deliver = options.deliver;
    this.#intervalMs = options.intervalMs ?? DEFAULT_CHECKPOINT_INTERVAL_MS;
    this.#loop = new RetryLoop({
      step: (signal) => this.#step(signal),
      idleMs: this.#intervalMs,
      ...(options.backoff && { backoff: options.backoff }),
      onError: (error) => {
        this.#failed++;
        this.#lastError = reportOf(error, Date.now());
      },
    });
  }

  offer(note: string, size: number): void {
    this.#newest = { note, size, offeredAtMs: this.#newest?.offeredAtMs ?? Date.now() };
    if (this.#wakeTimer !== undefined) return;
    const dueMs = this.#deliveredAtMs + this.#intervalMs - performance.now();
    if (dueMs <= 0) return this.#loop.wake();
    this.#wakeTimer = setTimeout(() => {
      this.#wakeTimer = undefined;
      this.#loop.wake();
    }, dueMs).unref();
  }

  get sent(): number {
    return this.#sent;
  }

  get failed(): number {
    return this.#failed;
  }

  get lastError(): ErrorReport | undefined {
    return this.#lastError;
  }

  /** Age of the note that waits, or 0. */
  get pendingMs(): number {
    return this.#newest === undefined ? 0 : Date.now() - this.#newest.offeredAtMs;
  }

  async close(): Promise<void> {
    clearTimeout(this.#wakeTimer);
    this.#isClosing = true;
    await this.#loop.close(CLOSE_GRACE_MS);
  }

  async #step(signal: AbortSignal): Promise<"idle"> {
    const newest = this.#newest;
    if (newest === undefined) return "idle";
    const isDue = performance.now() - this.#deliveredAtMs >= this.#intervalMs;
    if (!isDue && !this.#isClosing) return "idle";
    if (newest.size !== this.#deliveredSize) {
      await this.#deliver(newest.note, newest.size, signal);
      this.#sent++;
    }
    this.#deliveredSize = newest.size;
    this.#deliveredAtMs = performance.now();
    const later = this.#newest;
    this.#newest = undefined;
    // One that was offered meanwhile has no timer yet.
    if (later !== undefined && later !== newest) this.offer(later.note, later.size);
    return "idle";
  }
}
