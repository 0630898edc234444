/**
 * What was used in the present calendar window. A window counts as new only when it begins after all that was counted
 * before: neither a clock that is set back and forth nor another time zone hands out a second allowance.
 */
import { windowOf, type CalendarWindow } from "./calendar-window.ts";
import { added, reading, type Counter, type Spent } from "./counter.ts";
import type { CalendarPeriod, LimitReading, QuotaRule } from "./limit-store.ts";
import type { StoreClock } from "./store-clock.ts";

/** Keeps a counter on disk, ahead of what it counts. */
export interface UseMark {
  /** Before so many units may stand in the counter, the disk has to know of them. */
  cover(used: number, limit: number): void;
  /** `used` has changed. */
  changed(): void;
  /** The counter stands in another window. */
  moved(): void;
  /** The store closes: what was used is to stand on the disk, and no more. */
  settle(): void;
}

/** A window with what was used in it. */
interface Use extends CalendarWindow {
  used: number;
}

export class CalendarCounter implements Counter<QuotaRule> {
  startMs = 0;
  endMs = 0;
  used = 0;
  holds = 0;
  readonly mark: UseMark | undefined;
  #kind: CalendarPeriod = "minute";
  #timeZone = "";
  /** The latest window there was, while the clock is set back to before it. */
  #latest: Use | undefined = undefined;

  constructor(makeMark?: (counter: CalendarCounter) => UseMark | undefined) {
    this.mark = makeMark?.(this);
  }

  waitMs(rule: QuotaRule, units: number, { wallMs }: StoreClock): number {
    if (wallMs < this.startMs || wallMs >= this.endMs || rule.timeZone !== this.#timeZone) {
      this.#kind = rule.kind;
      this.#timeZone = rule.timeZone;
      this.#turn(windowOf(rule.kind, rule.timeZone, wallMs));
    }
    if (this.used + units > rule.limit) return this.endMs - wallMs;
    this.mark?.cover(this.used + units, rule.limit);
    return 0;
  }

  spend(units: number): number {
    this.used = added(this.used, units);
    return this.startMs;
  }

  read(rule: QuotaRule, { wallMs }: StoreClock): LimitReading {
    return reading(rule, rule.limit - this.used, this.endMs - wallMs);
  }

  correct(place: number, { reserved, used }: Spent, { wallMs }: StoreClock): void {
    // What was reserved in a window that has ended is not given to the next; work measured now is work of now.
    if (used === reserved || (used < reserved && place !== this.startMs)) return;
    if (used > reserved && wallMs >= this.endMs)
      this.#turn(windowOf(this.#kind, this.#timeZone, wallMs));
    this.used = Math.max(0, added(this.used, used - reserved));
    this.mark?.changed();
  }

  isWhole({ wallMs }: StoreClock): boolean {
    return wallMs >= Math.max(this.endMs, this.#latest?.endMs ?? 0);
  }

  /** Takes over what was used in a window before a restart; of several for the same counter, the most. */
  restore({ startMs, endMs, used }: Use): void {
    if (startMs < this.startMs || (startMs === this.startMs && used < this.used)) return;
    this.startMs = startMs;
    this.endMs = endMs;
    this.used = used;
  }

  #turn({ startMs, endMs }: CalendarWindow): void {
    if (startMs === this.startMs && endMs === this.endMs) return;
    if (startMs >= this.endMs) this.used = this.#usedAgain(startMs, endMs);
    else if (endMs <= this.startMs) this.#latest ??= { ...this.#present };
    this.startMs = startMs;
    this.endMs = endMs;
    this.mark?.moved();
  }

  /** In a window that begins now: nothing, but in one that was left when the clock was set back. */
  #usedAgain(startMs: number, endMs: number): number {
    const latest = this.#latest;
    if (!latest || endMs <= latest.startMs) return 0;
    this.#latest = undefined;
    return startMs < latest.endMs ? latest.used : 0;
  }

  get #present(): Use {
    return { startMs: this.startMs, endMs: this.endMs, used: this.used };
  }
}
