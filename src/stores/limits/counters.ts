/**
 * The counters of one subject in one scope, and the arithmetic of each kind of limit on them. Whole numbers only, so
 * that nothing is ever let through by rounding; it never reads a clock of its own.
 */
import {
  CONCURRENCY_RETRY_MS,
  type BucketRule,
  type LimitReading,
  type LimitRule,
} from "./limit-store.ts";

/** What was used in one calendar window. */
class Window {
  startMs = 0;
  used = 0;
}

/** One object for all kinds: a limit is added to a configuration without touching what is already counted. */
export class Counters {
  readonly scope: string;
  readonly subject: string;
  /**
   * GCRA in its leaky-bucket form (ITU-T I.371): what was used and has not drained yet, in units of 1/`perMs` requests,
   * so that `count` units drain in every millisecond and all of it stays whole.
   */
  debt = 0;
  debtPerMs = 1;
  debtAtMs = 0;
  minute: Window | undefined = undefined;
  hour: Window | undefined = undefined;
  day: Window | undefined = undefined;
  running = 0;
  /** From here on, with nothing running, these counters say no more than new ones would. */
  wholeAtMs = 0;

  constructor(scope: string, subject: string) {
    this.scope = scope;
    this.subject = subject;
  }

  isForgettable(nowMs: number): boolean {
    return this.running === 0 && nowMs >= this.wholeAtMs;
  }

  keepUntil(untilMs: number): void {
    if (untilMs > this.wholeAtMs) this.wholeAtMs = untilMs;
  }
}

/** Brings the counter of this rule up to `nowMs` and says how long a request has to wait; 0 when it may pass. */
export function settle(counters: Counters, rule: LimitRule, nowMs: number): number {
  switch (rule.kind) {
    case "bucket":
      drain(counters, rule, nowMs);
      return Math.max(0, Math.ceil((counters.debt - (rule.limit - 1) * rule.perMs) / rule.count));
    case "concurrency":
      return counters.running < rule.limit ? 0 : CONCURRENCY_RETRY_MS;
    case "minute":
    case "hour":
    case "day": {
      const window = (counters[rule.kind] ??= new Window());
      turn(window, nowMs - (nowMs % rule.windowMs));
      return window.used < rule.limit ? 0 : window.startMs + rule.windowMs - nowMs;
    }
  }
}

/** Takes one request from a settled counter. */
export function spend(counters: Counters, rule: LimitRule, nowMs: number): void {
  switch (rule.kind) {
    case "bucket":
      counters.debt += rule.perMs;
      counters.keepUntil(nowMs + Math.ceil(counters.debt / rule.count));
      return;
    case "concurrency":
      counters.running++;
      return;
    case "minute":
    case "hour":
    case "day": {
      const window = counters[rule.kind] as Window;
      window.used++;
      counters.keepUntil(window.startMs + rule.windowMs);
    }
  }
}

/** What a settled counter has left. */
export function read(counters: Counters, rule: LimitRule, nowMs: number): LimitReading {
  switch (rule.kind) {
    case "bucket": {
      const left = Math.floor((rule.limit * rule.perMs - counters.debt) / rule.perMs);
      return reading(rule, left, Math.ceil(counters.debt / rule.count));
    }
    case "concurrency":
      return reading(rule, rule.limit - counters.running, 0);
    case "minute":
    case "hour":
    case "day": {
      const window = counters[rule.kind] as Window;
      return reading(rule, rule.limit - window.used, window.startMs + rule.windowMs - nowMs);
    }
  }
}

// A rule that has become smaller than what was used under the old one leaves nothing, not less than nothing.
const reading = (rule: LimitRule, remaining: number, resetMs: number): LimitReading => ({
  rule,
  remaining: remaining > 0 ? remaining : 0,
  resetMs,
});

function drain(counters: Counters, rule: BucketRule, nowMs: number): void {
  if (counters.debtPerMs !== rule.perMs) {
    // Other numbers than last time (a reload, another tier): the same requests, in the new unit, rounded up.
    counters.debt = Math.ceil((counters.debt / counters.debtPerMs) * rule.perMs);
    counters.debtPerMs = rule.perMs;
  }
  const elapsedMs = nowMs - counters.debtAtMs;
  // A clock set back drains nothing; from there on time passes as ever.
  if (elapsedMs > 0) counters.debt = Math.max(0, counters.debt - elapsedMs * rule.count);
  counters.debtAtMs = nowMs;
}

/**
 * Turns to the window that starts at `startMs`. Days of UTC all have 86,400 seconds in Unix time, so calendar windows
 * are plain multiples. After a clock was set back the count stays: an earlier window is no fresh allowance.
 */
function turn(window: Window, startMs: number): void {
  if (window.startMs === startMs) return;
  if (startMs > window.startMs) window.used = 0;
  window.startMs = startMs;
}
