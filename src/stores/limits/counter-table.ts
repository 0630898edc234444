/**
 * Finds the counters of a subject in a scope, in bounded memory: it forgets those that say nothing any more, and never
 * one that does.
 */
import type { CalendarCounter, UseMark } from "./calendar-counter.ts";
import { Counters, type CounterKey, type MakeMark } from "./counters.ts";
import type { StoreClock } from "./store-clock.ts";

/** Old counters looked at for each new one, so that forgetting costs the same at any size. */
const SWEEP_STEPS = 4;
/** The same when there is no room: worth more work, still bounded. */
const SWEEP_STEPS_WHEN_FULL = 64;

interface Scope {
  readonly subjects: Map<string, Counters>;
  /** What all subjects share for whom there was no room. */
  shared: Counters | undefined;
}

export interface CounterTableOptions {
  readonly maxSubjects: number;
  readonly clock: StoreClock;
  readonly makeMark: MakeMark | undefined;
}

export class CounterTable {
  readonly #maxSubjects: number;
  readonly #clock: StoreClock;
  readonly #makeMark: MakeMark | undefined;
  readonly #scopes = new Map<string, Scope>();
  /** All but the shared ones, in no order; the sweep walks around it. */
  readonly #ring: Counters[] = [];
  #sweepAt = 0;

  constructor({ maxSubjects, clock, makeMark }: CounterTableOptions) {
    this.#maxSubjects = maxSubjects;
    this.#clock = clock;
    this.#makeMark = makeMark;
  }

  /** Never above the maximum, but for one shared set a scope. */
  get size(): number {
    return this.#ring.length;
  }

  /** For a request that is decided now. */
  countersOf(scopeName: string, subject: string): Counters {
    const scope = this.#scopes.get(scopeName) ?? this.#newScope(scopeName);
    const counters = scope.subjects.get(subject) ?? this.#newCounters(scope, scopeName, subject);
    counters.asked(this.#clock);
    return counters;
  }

  /** The counter that a use from before a restart belongs to. */
  calendarOf({ scope: scopeName, subject, isShared, kind, unit }: CounterKey): CalendarCounter {
    const scope = this.#scopes.get(scopeName) ?? this.#newScope(scopeName);
    const counters = isShared
      ? this.#sharedOf(scope, scopeName)
      : (scope.subjects.get(subject) ?? this.#newCounters(scope, scopeName, subject));
    return counters.of({ kind, unit }) as CalendarCounter;
  }

  *marks(): Iterable<UseMark> {
    for (const counters of this.#ring) yield* counters.marks();
    for (const { shared } of this.#scopes.values()) if (shared) yield* shared.marks();
  }

  /** Scopes come from the configuration, so their number is bounded by it. */
  #newScope(name: string): Scope {
    const scope: Scope = { subjects: new Map(), shared: undefined };
    this.#scopes.set(name, scope);
    return scope;
  }

  /**
   * At the maximum, and with nothing to forget, newcomers share one set of counters a scope. That is coarse and
   * strict: together they get what one subject gets. It never hands out a fresh allowance for pushing somebody out.
   */
  #newCounters(scope: Scope, scopeName: string, subject: string): Counters {
    this.#sweep(SWEEP_STEPS);
    if (this.#ring.length >= this.#maxSubjects) this.#sweep(SWEEP_STEPS_WHEN_FULL);
    if (this.#ring.length >= this.#maxSubjects) return this.#sharedOf(scope, scopeName);
    const fresh = new Counters({ scope: scopeName, subject, isShared: false }, this.#makeMark);
    scope.subjects.set(subject, fresh);
    this.#ring.push(fresh);
    return fresh;
  }

  #sharedOf(scope: Scope, scopeName: string): Counters {
    const names = { scope: scopeName, subject: "", isShared: true };
    return (scope.shared ??= new Counters(names, this.#makeMark));
  }

  #sweep(steps: number): void {
    for (let i = 0; i < steps && this.#ring.length > 0; i++) {
      if (this.#sweepAt >= this.#ring.length) this.#sweepAt = 0;
      const counters = this.#ring[this.#sweepAt] as Counters;
      if (!counters.isForgettable(this.#clock)) {
        this.#sweepAt++;
        continue;
      }
      this.#scopes.get(counters.scope)?.subjects.delete(counters.subject);
      const last = this.#ring.pop() as Counters;
      if (last !== counters) this.#ring[this.#sweepAt] = last;
    }
  }
}
