/**
 * What was let through of calendar quotas while the shared store was away, told to it afterwards. Each unit is sent at
 * most once: a report that got lost is too little in the count, which the bound of an outage covers; never too much.
 */
import type { CalendarPeriod, LimitGroup, LimitRule, QuotaRule } from "../limit-store.ts";
import { counterKey } from "./counter-key.ts";

/** Units used of one quota of one subject. */
export interface LateUse {
  readonly scope: string;
  readonly subject: string;
  readonly rule: QuotaRule;
  /** A whole number from 1. */
  readonly units: number;
  /** When the last of them were used; they all belong to the calendar window of this moment. */
  readonly atMs: number;
}

/** What a shared store may offer. */
export interface TakesLateUse {
  /** Adds to counters of the window that is running, also beyond the limit; what belongs to another window is dropped. */
  addUse(uses: readonly LateUse[]): Promise<void>;
}

/** Counters noted; about 300 bytes each. What finds no room is not reported. */
const MAX_COUNTERS = 20_000;
/** Counters in one report. Raised, one report holds up the decisions behind it for longer. */
const COUNTERS_A_REPORT = 100;

/** Where units are used, and in which window. */
export interface WindowUse {
  readonly group: LimitGroup;
  readonly rule: QuotaRule;
  readonly atMs: number;
  readonly endsAtMs: number;
}

interface Noted {
  use: WindowUse;
  units: number;
}

const PERIODS: Record<CalendarPeriod, true> = { minute: true, hour: true, day: true, month: true };
export const isQuota = (rule: LimitRule): rule is QuotaRule => Object.hasOwn(PERIODS, rule.kind);

export interface LateUseOptions {
  readonly shared: object;
  readonly isUp: () => boolean;
  /** Reports begin within this time, at a random moment: replicas do not all report at once. */
  readonly spreadMs: number;
}

export class LateUseReport {
  readonly #shared: TakesLateUse | undefined;
  readonly #isUp: () => boolean;
  readonly #spreadMs: number;
  readonly #noted = new Map<string, Noted>();
  #lostUnits = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor({ shared, isUp, spreadMs }: LateUseOptions) {
    this.#shared = takesLateUse(shared) ? shared : undefined;
    this.#isUp = isUp;
    this.#spreadMs = spreadMs;
  }

  note(use: WindowUse, units: number): void {
    if (this.#shared === undefined || units < 1) return;
    const key = counterKey(use.group, use.rule);
    const noted = this.#noted.get(key);
    if (noted !== undefined) {
      if (use.endsAtMs < noted.use.endsAtMs) return;
      noted.units = use.endsAtMs === noted.use.endsAtMs ? noted.units + units : units;
      noted.use = use;
    } else if (this.#noted.size < MAX_COUNTERS) this.#noted.set(key, { use, units });
    else this.#lostUnits += units;
    this.begin();
  }

  /** Units that the shared store may never have learned of. */
  get lostUnits(): number {
    return this.#lostUnits;
  }

  /** Reports soon, if the store is there and there is something to report. */
  begin(): void {
    if (this.#timer !== undefined || this.#noted.size === 0 || !this.#isUp()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.send();
    }, Math.random() * this.#spreadMs);
    this.#timer.unref();
  }

  /** Ends when all is reported or the store is away again. */
  send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.send();
    clearTimeout(this.#timer);
  }

  async #sendAll(): Promise<void> {
    while (this.#shared !== undefined && this.#noted.size > 0 && this.#isUp()) {
      const uses = this.#take();
      try {
        await this.#shared.addUse(uses);
      } catch {
        // Whatever it was, the units may have been counted. The next outage or use begins anew.
        for (const { units } of uses) this.#lostUnits += units;
        return;
      }
    }
  }

  #take(): LateUse[] {
    const uses: LateUse[] = [];
    for (const [key, { use, units }] of this.#noted) {
      if (uses.length === COUNTERS_A_REPORT) break;
      this.#noted.delete(key);
      const { scope, subject } = use.group;
      uses.push({ scope, subject, rule: use.rule, units, atMs: use.atMs });
    }
    return uses;
  }
}

const takesLateUse = (shared: object): shared is TakesLateUse =>
  "addUse" in shared && typeof shared.addUse === "function";
