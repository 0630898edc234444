/**
 * Counts requests by source in windows that slide, in bounded memory. It outlives configurations, so that a reload
 * hands nobody a fresh allowance; and it never forgets a source that has used more than a sliver of its own.
 */
import { randomInt } from "node:crypto";
import { BoundedTable } from "./bounded-table.ts";
import { SlidingCount } from "./sliding-count.ts";

/** How many requests of one source, in which time, over how many sources. */
export interface SourceRule {
  readonly count: number;
  readonly perMs: number;
  readonly maxAddresses: number;
}

/**
 * Share of its allowance that a source may have used and still be dropped from a full table. To win this much back, an
 * attacker has to fill the table with other addresses, each with an allowance of its own: not worth it.
 */
const FORGETTABLE_SHARE = 0.01;
/** Sources that find no room are counted in this many groups. */
const GROUPS = 1_024;

interface Entry {
  readonly key: string;
  readonly requests: SlidingCount;
}

export class AddressTable {
  readonly #table = new BoundedTable<Entry>();
  readonly #groups: SlidingCount[] = [];
  // Unknown outside, so that nobody can choose addresses that fall into another's group.
  readonly #seed = randomInt(2 ** 31);

  /** Sources counted apart now, for metrics. */
  get size(): number {
    return this.#table.size;
  }

  /** Counts one request; 0 when it is within the rate, else the milliseconds until one would be. Monotonic time. */
  admit(key: string, nowMs: number, rule: SourceRule): number {
    // Coarse, and strict: all sources of a group share the allowance of one.
    const requests = this.#countOf(key, nowMs, rule) ?? this.#groupCount(key, nowMs);
    const waitMs = requests.waitMs(nowMs, rule.count, rule.perMs);
    if (waitMs === 0) requests.add(nowMs, rule.perMs);
    return waitMs;
  }

  /** How long a source has to wait for what `add` counted; 0 for one that nothing was counted of. */
  waitMs(key: string, nowMs: number, { count, perMs }: SourceRule): number {
    return this.#table.get(key)?.requests.waitMs(nowMs, count, perMs) ?? 0;
  }

  /**
   * Counts one that speaks against the source, beyond the count too. Without room it is not counted: in a group it would
   * be held against sources that have done nothing.
   */
  add(key: string, nowMs: number, rule: SourceRule): void {
    this.#countOf(key, nowMs, rule)?.add(nowMs, rule.perMs);
  }

  /** Undefined when there is no room for one more. */
  #countOf(key: string, nowMs: number, rule: SourceRule): SlidingCount | undefined {
    return this.#table.get(key)?.requests ?? this.#newCount(key, nowMs, rule);
  }

  #newCount(
    key: string,
    nowMs: number,
    { count, perMs, maxAddresses }: SourceRule,
  ): SlidingCount | undefined {
    // Entries that say nothing any more and, when there is no room, those that say next to nothing.
    const mayForget = ({ requests }: Entry, isFull: boolean): boolean =>
      requests.used(nowMs, perMs) <= (isFull ? count * FORGETTABLE_SHARE : 0);
    if (!this.#table.hasRoom(maxAddresses, mayForget)) return undefined;
    const requests = new SlidingCount(nowMs);
    this.#table.add({ key, requests });
    return requests;
  }

  #groupCount(key: string, nowMs: number): SlidingCount {
    return (this.#groups[this.#groupOf(key)] ??= new SlidingCount(nowMs));
  }

  #groupOf(key: string): number {
    let hash = this.#seed;
    for (let i = 0; i < key.length; i++) {
      // Each step mixes: of a sum alone, which keys are alike would not depend on the seed.
      hash = Math.imul(hash ^ key.charCodeAt(i), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return (hash >>> 0) % GROUPS;
  }
}
