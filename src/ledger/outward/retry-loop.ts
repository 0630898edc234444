/**
 * Repeats one step: at once while there is more, on news or after a pause when there is none, after a growing pause when
 * it fails. It must never run two steps at a time, nor keep the process alive.
 */

export interface Backoff {
  /** Longest pause after the first failure. */
  readonly firstMs: number;
  /** Longest pause after any number of failures. */
  readonly limitMs: number;
}

/** A minute at most: an outage of hours costs each side one attempt a minute. Lowered, many gateways knock a store that struggles down. */
export const DEFAULT_BACKOFF: Backoff = { firstMs: 500, limitMs: 60_000 };

/** Doublings are counted no further: 2^20 * 500 ms is past every limit. */
const DOUBLINGS_LIMIT = 20;

export interface RetryLoopOptions {
  /** `again`: there is more to do. The signal tells it to end. */
  readonly step: (signal: AbortSignal) => Promise<"again" | "idle">;
  /** Longest pause without news. */
  readonly idleMs: number;
  readonly backoff?: Backoff;
  readonly onError: (error: unknown) => void;
}

/** The pause after the nth failure in a row: between half of the doubled bound and all of it, so that many gateways do not knock together. */
export function backoffMs(failures: number, backoff: Backoff, random = Math.random()): number {
  const doubled = backoff.firstMs * 2 ** Math.min(failures - 1, DOUBLINGS_LIMIT);
  return Math.min(doubled, backoff.limitMs) * (0.5 + random / 2);
}

export class RetryLoop {
  readonly #options: RetryLoopOptions;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #isClosing = false;
  #isNews = false;
  #wakeIdle: (() => void) | undefined;
  #wakeAny: (() => void) | undefined;

  constructor(options: RetryLoopOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** There is news. It ends a pause without news, never a pause after a failure: news comes many times a second. */
  wake(): void {
    this.#isNews = true;
    this.#wakeIdle?.();
  }

  /** Lets the step under way (or one last) end within `graceMs`, then aborts it. Never rejects. */
  async close(graceMs = 0): Promise<void> {
    this.#isClosing = true;
    this.#wakeAny?.();
    const timer = setTimeout(() => this.#abort.abort(), graceMs);
    await this.#done;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    let failures = 0;
    // A step begins after the constructor's caller is done building.
    await Promise.resolve();
    for (;;) {
      const isLast = this.#isClosing;
      this.#isNews = false;
      let pauseMs = this.#options.idleMs;
      try {
        const result = await this.#options.step(this.#abort.signal);
        failures = 0;
        if (result === "again" && !this.#abort.signal.aborted) continue;
      } catch (error) {
        failures++;
        if (!this.#abort.signal.aborted) this.#options.onError(error);
        pauseMs = backoffMs(failures, this.#options.backoff ?? DEFAULT_BACKOFF);
      }
      if (isLast || this.#abort.signal.aborted) return;
      await this.#pause(pauseMs, failures === 0);
    }
  }

  #pause(pauseMs: number, mayNewsEndIt: boolean): Promise<void> {
    if (this.#isClosing || (mayNewsEndIt && this.#isNews)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wakeAny?.(), pauseMs);
      timer.unref();
      this.#wakeAny = () => {
        clearTimeout(timer);
        this.#wakeIdle = undefined;
        this.#wakeAny = undefined;
        resolve();
      };
      if (mayNewsEndIt) this.#wakeIdle = this.#wakeAny;
    });
  }
}
