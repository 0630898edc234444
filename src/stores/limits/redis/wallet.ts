/**
 * Units of one counter that this process has taken ahead and spends by itself. A unit is in the shared counter's use
 * before it is here, is spent once or given back, and is worth nothing after its time.
 */
import type { CalendarWindow } from "../calendar-window.ts";
import type { RuleCode } from "./rule-code.ts";

/** Where units were counted when they were taken: it is where they are given back, and corrected. */
export interface Origin {
  /** Of a sliding window. */
  readonly slot: number;
  /** Of a quota. */
  readonly window: CalendarWindow | undefined;
}

export interface Lot extends Origin {
  units: number;
  readonly expiresAtMs: number;
}

/** Units taken ahead at first; from there on twice as many whenever they were used up before their time. */
const LEAST_REQUESTS_AHEAD = 4;

export class Wallet {
  readonly key: string;
  /** Of the rule that asked last: where units are given back. */
  code: RuleCode;
  /** The oldest first. */
  lots: Lot[] = [];
  balance = 0;
  /** Taken out for requests that are being decided: they may come back. */
  underWay = 0;
  /** What it is filled up to. */
  target = 0;
  isAsking = false;
  /** Nothing was granted ahead when it was last asked for: from there on, only requests ask. */
  isAtEdge = false;
  /** What the shared counter had left when it was last asked, without what is here. */
  left = 0;
  resetAtMs = 0;
  askedAtMs = -Infinity;

  constructor(key: string, code: RuleCode) {
    this.key = key;
    this.code = code;
  }

  /** Up to so many units, from the oldest lots; undefined when there are none. They count as taken where the oldest was. */
  take(units: number): Lot | undefined {
    const [oldest] = this.lots;
    if (oldest === undefined || units === 0) return undefined;
    const taken = { ...oldest, units: 0 };
    for (let lot = this.lots[0]; lot !== undefined && taken.units < units; lot = this.lots[0]) {
      const part = Math.min(lot.units, units - taken.units);
      taken.units += part;
      lot.units -= part;
      if (lot.units === 0) this.lots.shift();
    }
    this.balance -= taken.units;
    return taken;
  }

  putBack(lot: Lot): void {
    if (lot.units === 0) return;
    this.lots.unshift(lot);
    this.balance += lot.units;
  }

  add(lot: Lot): void {
    if (lot.units === 0) return;
    this.lots.push(lot);
    this.balance += lot.units;
  }

  /** Takes out the lots whose time is over. */
  expire(nowMs: number): readonly Lot[] {
    if (this.lots.every((lot) => lot.expiresAtMs > nowMs)) return NONE;
    const over = this.lots.filter((lot) => lot.expiresAtMs <= nowMs);
    this.lots = this.lots.filter((lot) => lot.expiresAtMs > nowMs);
    for (const { units } of over) this.balance -= units;
    return over;
  }

  /** How many units to ask for ahead, at most `most` here at a time. The counter is asked by one request at a time. */
  ask(units: number, most: number, nowMs: number, quickMs: number): number {
    if (this.isAsking) return 0;
    if (nowMs - this.askedAtMs < quickMs)
      this.target = Math.max(this.target * 2, LEAST_REQUESTS_AHEAD * units);
    this.target = Math.min(this.target, most);
    this.askedAtMs = nowMs;
    const ahead = this.target - this.balance - this.underWay;
    if (ahead <= 0) return 0;
    this.isAsking = true;
    return ahead;
  }

  /** Units ran out of time: fewer will do. */
  shrink(): void {
    this.target = this.target < 2 * LEAST_REQUESTS_AHEAD ? 0 : Math.floor(this.target / 2);
  }
}

const NONE: readonly Lot[] = [];
