/** The counters of one subject in one scope: one for each kind and unit that a rule has asked for. */
import { BucketCounter } from "./bucket-counter.ts";
import { CalendarCounter, type UseMark } from "./calendar-counter.ts";
import { ConcurrencyCounter } from "./concurrency-counter.ts";
import type { Counter } from "./counter.ts";
import type { LimitRule, LimitUnit } from "./limit-store.ts";
import { SlidingCounter } from "./sliding-counter.ts";
import type { StoreClock } from "./store-clock.ts";

export type LimitKind = LimitRule["kind"];

/** Names one counter. `isShared`: that of all subjects of the scope for whom there was no room. */
export interface CounterKey {
  readonly scope: string;
  readonly subject: string;
  readonly isShared: boolean;
  readonly kind: LimitKind;
  readonly unit: LimitUnit;
}

/** Decides which calendar counters are kept on disk. */
export type MakeMark = (key: CounterKey, counter: CalendarCounter) => UseMark | undefined;

type MakeCounter = (makeMark: (counter: CalendarCounter) => UseMark | undefined) => Counter<never>;

const calendar: MakeCounter = (makeMark) => new CalendarCounter(makeMark);

/** One entry a kind; its place is the place of its counter. */
const KINDS: Record<LimitKind, { readonly at: number; readonly make: MakeCounter }> = {
  bucket: { at: 0, make: () => new BucketCounter() },
  sliding: { at: 1, make: () => new SlidingCounter() },
  minute: { at: 2, make: calendar },
  hour: { at: 3, make: calendar },
  day: { at: 4, make: calendar },
  month: { at: 5, make: calendar },
  concurrency: { at: 6, make: () => new ConcurrencyCounter() },
};
const KIND_COUNT = 7;

const NO_COUNTERS: readonly (Counter | undefined)[] = Array.from(
  { length: 2 * KIND_COUNT },
  () => undefined,
);

export class Counters {
  readonly scope: string;
  readonly subject: string;
  readonly isShared: boolean;
  readonly #makeMark: MakeMark | undefined;
  /** By place; those of cost follow those of requests. */
  readonly #all: (Counter | undefined)[] = NO_COUNTERS.slice();
  /** When a request asked last. */
  #askedAtMs = 0;

  constructor(names: Pick<CounterKey, "scope" | "subject" | "isShared">, makeMark?: MakeMark) {
    this.scope = names.scope;
    this.subject = names.subject;
    this.isShared = names.isShared;
    this.#makeMark = makeMark;
  }

  of({ kind, unit }: Pick<LimitRule, "kind" | "unit">): Counter {
    const place = KINDS[kind].at + (unit === "cost" ? KIND_COUNT : 0);
    return this.#all[place] ?? this.#make(place, kind, unit);
  }

  asked(clock: StoreClock): void {
    this.#askedAtMs = clock.steadyMs;
  }

  /** A request that is being decided may still hold counters that say nothing yet: those of this moment stay. */
  isForgettable(clock: StoreClock): boolean {
    if (this.#askedAtMs >= clock.steadyMs) return false;
    for (const counter of this.#all)
      if (counter !== undefined && (counter.holds > 0 || !counter.isWhole(clock))) return false;
    return true;
  }

  *marks(): Iterable<UseMark> {
    for (const counter of this.#all)
      if (counter instanceof CalendarCounter && counter.mark) yield counter.mark;
  }

  #make(place: number, kind: LimitKind, unit: LimitUnit): Counter {
    const { scope, subject, isShared } = this;
    const counter = KINDS[kind].make((made) =>
      this.#makeMark?.({ scope, subject, isShared, kind, unit }, made),
    ) as Counter;
    this.#all[place] = counter;
    return counter;
  }
}
