/**
 * Coarse deadlines for many calls with one timer: a call sets a number, and a sweep finds the ones that are due. It must
 * never end a call early; it ends one at most about `SWEEP_MS` late.
 */

/**
 * Time between two sweeps. A timer for each call would cost about half a microsecond a request; a sweep costs some
 * nanoseconds a running call. Raised, calls outlive their deadline by that much.
 */
export const SWEEP_MS = 20;

/** Something with a deadline; `Infinity` while there is none. */
export interface Deadlined {
  /** Monotonic clock, milliseconds. */
  dueAtMs: number;
  /** Where the sweeper keeps it; -1 while it is not kept. */
  slot: number;
  /** Called when the deadline has passed, on every sweep until it is moved or removed. Must not throw. */
  onDue(nowMs: number): void;
}

export class Deadlines {
  readonly #kept: Deadlined[] = [];
  #timer: NodeJS.Timeout | undefined;

  add(entry: Deadlined): void {
    entry.slot = this.#kept.push(entry) - 1;
    this.#timer ??= this.#start();
  }

  /** Removing what is not kept does nothing. */
  remove(entry: Deadlined): void {
    if (entry.slot < 0) return;
    const last = this.#kept.pop() as Deadlined;
    if (last !== entry) {
      this.#kept[entry.slot] = last;
      last.slot = entry.slot;
    }
    entry.slot = -1;
  }

  #start(): NodeJS.Timeout {
    // By way of setImmediate: after a pause of the whole process, answers that lie in the sockets are read first.
    const timer = setInterval(() => setImmediate(() => this.#sweep()), SWEEP_MS);
    return timer.unref();
  }

  #sweep(): void {
    const nowMs = performance.now();
    // Backwards: a removal moves the last entry, which has been seen, into the gap.
    for (let i = this.#kept.length - 1; i >= 0; i--) {
      const entry = this.#kept[i];
      if (entry !== undefined && entry.dueAtMs <= nowMs) entry.onDue(nowMs);
    }
    if (this.#kept.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
