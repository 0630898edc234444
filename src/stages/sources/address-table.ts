/**
 * Counts requests by source in windows that slide, in bounded memory. It outlives configurations, so that a reload
 * hands nobody a fresh allowance; and it never forgets a source that has used more than a sliver of its own.
 */

import { randomInt } from "node:crypto";

/** How many requests of one source, in which time, over how many sources. */
export interface SourceRule {
  readonly count: number;
  readonly perMs: number;
  readonly maxAddresses: number;
}

/** Old entries looked at for each new one, and how many when the table is full. */
const SWEEP_STEPS = 2;
const SWEEP_STEPS_WHEN_FULL = 32;
/**
 * Share of its allowance that a source may have used and still be dropped from a full table. To win this much back, an
 * attacker has to fill the table with other addresses, each with an allowance of its own: not worth it.
 */
const FORGETTABLE_SHARE = 0.01;
/** Sources that find no room are counted in this many groups. */
const GROUPS = 1_024;

/** One source: requests in its current window and in the one before. */
class Entry {
  readonly key: string;
  startMs: number;
  current = 0;
  previous = 0;

  constructor(key: string, startMs: number) {
    this.key = key;
    this.startMs = startMs;
  }

  /** Moves on to the window that holds `nowMs`. Windows start with the source's first request. */
  turn(nowMs: number, perMs: number): void {
    const elapsedMs = nowMs - this.startMs;
    if (elapsedMs < perMs) return;
    if (elapsedMs < 2 * perMs) {
      this.previous = this.current;
      this.startMs += perMs;
    } else {
      this.previous = 0;
      this.startMs = nowMs;
    }
    this.current = 0;
  }

  /** Requests in the last `perMs`, taking those of the window before as spread evenly over it. */
  used(nowMs: number, perMs: number): number {
    return this.current + (this.previous * (perMs - (nowMs - this.startMs))) / perMs;
  }
}

export class AddressTable {
  readonly #entries = new Map<string, Entry>();
  /** The same entries in no order; the sweep walks around it. */
  readonly #ring: Entry[] = [];
  readonly #groups: Entry[] = [];
  // Unknown outside, so that nobody can choose addresses that fall into another's group.
  readonly #seed = randomInt(2 ** 31);
  #sweepAt = 0;

  /** Sources counted apart now, for metrics. */
  get size(): number {
    return this.#ring.length;
  }

  /** Counts one request; 0 when it is within the rate, else the milliseconds until one would be. Monotonic time. */
  admit(key: string, nowMs: number, rule: SourceRule): number {
    const { count, perMs } = rule;
    const entry = this.#entries.get(key) ?? this.#newEntry(key, nowMs, rule);
    entry.turn(nowMs, perMs);
    if (entry.used(nowMs, perMs) + 1 > count) return waitOf(entry, nowMs, rule);
    entry.current++;
    return 0;
  }

  #newEntry(key: string, nowMs: number, rule: SourceRule): Entry {
    const isFull = this.#ring.length >= rule.maxAddresses;
    this.#sweep(isFull ? SWEEP_STEPS_WHEN_FULL : SWEEP_STEPS, nowMs, rule);
    if (this.#ring.length >= rule.maxAddresses) return this.#groupOf(key, nowMs);
    const entry = new Entry(key, nowMs);
    this.#entries.set(key, entry);
    this.#ring.push(entry);
    return entry;
  }

  /** Drops entries that say nothing any more and, when there is no room, those that say next to nothing. */
  #sweep(steps: number, nowMs: number, { count, perMs, maxAddresses }: SourceRule): void {
    for (let i = 0; i < steps && this.#ring.length > 0; i++) {
      if (this.#sweepAt >= this.#ring.length) this.#sweepAt = 0;
      const entry = this.#ring[this.#sweepAt] as Entry;
      entry.turn(nowMs, perMs);
      const bearable = this.#ring.length < maxAddresses ? 0 : count * FORGETTABLE_SHARE;
      if (entry.used(nowMs, perMs) > bearable) {
        this.#sweepAt++;
        continue;
      }
      this.#entries.delete(entry.key);
      const last = this.#ring.pop() as Entry;
      if (last !== entry) this.#ring[this.#sweepAt] = last;
    }
  }

  /** Coarse, and strict: all sources of a group share the allowance of one. */
  #groupOf(key: string, nowMs: number): Entry {
    let hash = this.#seed;
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
    const index = ((hash ^ (hash >>> 15)) >>> 0) % GROUPS;
    return (this.#groups[index] ??= new Entry("", nowMs));
  }
}

/** When the next request would be within the rate, if the source sends nothing meanwhile. */
function waitOf(entry: Entry, nowMs: number, { count, perMs }: SourceRule): number {
  const elapsedMs = nowMs - entry.startMs;
  const room = count - 1 - entry.current;
  // The share of the window before shrinks until there is room; or this window must first become the one before.
  const waitMs =
    room >= 0
      ? perMs - (room * perMs) / entry.previous - elapsedMs
      : perMs - elapsedMs + perMs - ((count - 1) * perMs) / entry.current;
  return Math.max(1, Math.ceil(waitMs));
}
