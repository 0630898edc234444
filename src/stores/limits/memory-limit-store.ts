/**
 * Limits counted in the memory of this process. Answers at once; never holds more than a fixed number of counters, and
 * never forgets one that still says something. With `durable`, quotas of an hour and longer also outlive the process.
 */
import type { Counter } from "./counter.ts";
import { CounterTable } from "./counter-table.ts";
import type { DurableQuotas } from "./durable-quotas.ts";
import type {
  Hold,
  LimitReading,
  LimitRequest,
  LimitRule,
  LimitStore,
  LimitVerdict,
} from "./limit-store.ts";
import { StoreClock } from "./store-clock.ts";

/**
 * Subjects counted at the same time, over all scopes; about 500 bytes each with two limits, so some 50 MB when full.
 * Raised, a flood of identities costs that much more memory; lowered, it makes callers share an allowance sooner.
 */
const DEFAULT_MAX_SUBJECTS = 100_000;

export interface MemoryLimitStoreOptions {
  /** Default `DEFAULT_MAX_SUBJECTS`. */
  readonly maxSubjects?: number;
  /** Where quotas are kept; the store owns it from here on and closes it. Without it they end with the process. */
  readonly durable?: DurableQuotas | undefined;
}

/** What a request holds of counters in this process, and its cost there. */
class MemoryHold {
  readonly cost: number;
  counters: readonly Counter[];
  readonly places: readonly number[];

  constructor(cost: number, counters: readonly Counter[], places: readonly number[]) {
    this.cost = cost;
    this.counters = counters;
    this.places = places;
  }
}

const FINISHED: readonly Counter[] = [];

export class MemoryLimitStore implements LimitStore {
  readonly #clock = new StoreClock();
  readonly #table: CounterTable;
  readonly #durable: DurableQuotas | undefined;
  /** The rules of the request that is being decided and their counters: kept, so that deciding makes no garbage. */
  readonly #rules: LimitRule[] = [];
  readonly #counters: Counter[] = [];

  constructor({ maxSubjects = DEFAULT_MAX_SUBJECTS, durable }: MemoryLimitStoreOptions = {}) {
    this.#durable = durable;
    const makeMark = durable && durable.markOf.bind(durable);
    this.#table = new CounterTable({ maxSubjects, clock: this.#clock, makeMark });
    for (const use of durable?.load() ?? []) this.#table.calendarOf(use.key).restore(use);
  }

  /** Subjects counted now, for metrics. */
  get size(): number {
    return this.#table.size;
  }

  /** Throws `StoreUnavailable`, with nothing spent, when a durable quota cannot be kept on disk. */
  decide({ groups, cost, nowMs }: LimitRequest): LimitVerdict {
    this.#clock.advanceTo(nowMs);
    let count = 0;
    for (const { scope, subject, rules } of groups) {
      if (rules.length === 0) continue;
      const counters = this.#table.countersOf(scope, subject);
      for (const rule of rules) {
        this.#rules[count] = rule;
        this.#counters[count++] = counters.of(rule);
      }
    }
    // Also what is no number is more than any limit.
    const units = cost >= 0 ? Math.ceil(cost) : Number.POSITIVE_INFINITY;
    return this.#decide(count, units);
  }

  finish(hold: Hold, cost: number | undefined): void {
    if (!(hold instanceof MemoryHold)) return;
    const { counters, places, cost: reserved } = hold;
    hold.counters = FINISHED;
    const isKnown = cost !== undefined && cost >= 0 && cost < Number.POSITIVE_INFINITY;
    const spent = { reserved, used: isKnown ? Math.ceil(cost) : reserved };
    for (let i = 0; i < counters.length; i++) {
      const counter = counters[i] as Counter;
      counter.holds--;
      counter.correct(places[i] as number, spent, this.#clock);
    }
  }

  async close(): Promise<void> {
    if (!this.#durable) return;
    for (const mark of this.#table.marks()) mark.settle();
    await this.#durable.close();
  }

  #decide(count: number, cost: number): LimitVerdict {
    let longestMs = 0;
    let longestAt = 0;
    for (let at = 0; at < count; at++) {
      const rule = this.#rules[at] as LimitRule;
      const units = rule.unit === "cost" ? cost : 1;
      const waitMs = (this.#counters[at] as Counter).waitMs(rule, units, this.#clock);
      if (waitMs <= longestMs) continue;
      longestMs = waitMs;
      longestAt = at;
    }
    if (longestMs === 0) return this.#grant(count, cost);
    this.#durable?.forgo();
    const readings = this.#read(count);
    const refusedBy = readings[longestAt] as LimitReading;
    return { isGranted: false, readings, refusedBy, retryAfterMs: longestMs };
  }

  #grant(count: number, cost: number): LimitVerdict {
    this.#durable?.ensure();
    let held: Counter[] | undefined;
    let places: number[] | undefined;
    for (let at = 0; at < count; at++) {
      const { unit, kind } = this.#rules[at] as LimitRule;
      const counter = this.#counters[at] as Counter;
      const place = counter.spend(unit === "cost" ? cost : 1, this.#clock);
      if (unit !== "cost" && kind !== "concurrency") continue;
      counter.holds++;
      (held ??= []).push(counter);
      (places ??= []).push(place);
    }
    const hold = held && places && new MemoryHold(cost, held, places);
    return { isGranted: true, readings: this.#read(count), hold };
  }

  #read(count: number): LimitReading[] {
    const readings: LimitReading[] = [];
    for (let at = 0; at < count; at++) {
      const counter = this.#counters[at] as Counter;
      readings.push(counter.read(this.#rules[at] as LimitRule, this.#clock));
    }
    return readings;
  }
}
