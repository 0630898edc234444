/**
 * The time limit of calls, with one timer for all of them: they begin in order and have the same limit, so the oldest is
 * always the next to end. A process that was busy with itself must not take its own delay for the server's: then the sockets
 * are read for as long again before anything is given up, and no call waits for more than twice its limit.
 */
import { StoreUnavailable } from "../store-unavailable.ts";
import { STALL_MS } from "./within.ts";

export type CallOutcome = "ok" | "error" | "timeout";

export interface DeadlineHooks {
  /** Told of each call once, when it ends. */
  onEnd(startedAtMs: number, outcome: CallOutcome): void;
}

interface Call {
  readonly startedAtMs: number;
  readonly reject: (error: Error) => void;
  isSettled: boolean;
}

/** The settled calls at the front of the queue are cut off when they are that many. */
const CUT_AT = 1_024;

export class Deadlines {
  readonly #limitMs: number;
  readonly #hooks: DeadlineHooks;
  #queue: Call[] = [];
  #first = 0;
  #isWaiting = false;

  constructor(limitMs: number, hooks: DeadlineHooks) {
    this.#limitMs = limitMs;
    this.#hooks = hooks;
  }

  /** Ends when the work does, or rejects with `StoreUnavailable` at the limit. */
  limit<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call: Call = { startedAtMs: performance.now(), reject, isSettled: false };
      this.#queue.push(call);
      this.#wait(this.#limitMs);
      work().then(
        (value) => {
          if (this.#settle(call, "ok")) resolve(value);
        },
        (error: Error) => {
          if (this.#settle(call, "error")) reject(error);
        },
      );
    });
  }

  #settle(call: Call, outcome: CallOutcome): boolean {
    if (call.isSettled) return false;
    call.isSettled = true;
    this.#skipSettled();
    this.#hooks.onEnd(call.startedAtMs, outcome);
    return true;
  }

  #skipSettled(): void {
    while (this.#queue[this.#first]?.isSettled) this.#first++;
    if (this.#first === this.#queue.length) this.#queue.length = 0;
    else if (this.#first >= CUT_AT) this.#queue = this.#queue.slice(this.#first);
    else return;
    this.#first = 0;
  }

  #wait(ms: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const dueAtMs = performance.now() + ms;
    // After the timers of a turn come its sockets, and then this.
    setTimeout(() => setImmediate(() => this.#look(dueAtMs)), ms).unref();
  }

  #look(dueAtMs: number): void {
    this.#isWaiting = false;
    const now = performance.now();
    const lateMs = now - dueAtMs;
    const oldest = this.#queue[this.#first];
    const mayWait = oldest !== undefined && now - oldest.startedAtMs < 2 * this.#limitMs;
    if (lateMs > STALL_MS && mayWait) this.#wait(Math.min(lateMs, this.#limitMs));
    else this.#expire(now);
  }

  #expire(now: number): void {
    for (let oldest = this.#queue[this.#first]; oldest; oldest = this.#queue[this.#first]) {
      const leftMs = oldest.startedAtMs + this.#limitMs - now;
      if (leftMs > 0) {
        this.#wait(Math.ceil(leftMs));
        return;
      }
      oldest.reject(new StoreUnavailable(`no answer within ${this.#limitMs} ms`));
      this.#settle(oldest, "timeout");
    }
  }
}
