/**
 * Which sources are shut out for a while because most of what they asked was refused, and for how long: each block of a
 * source is longer than the one before, until it has behaved for so long that its blocks are forgotten. In bounded memory;
 * it outlives configurations. What is refused because of a block is never told to it, so that a block ends when it was
 * said to end, however stubbornly it is called against.
 */
import { BoundedTable } from "./bounded-table.ts";
import { SlidingCount } from "./sliding-count.ts";

export interface BlockRule {
  /** Refusals of one source in which time. */
  readonly count: number;
  readonly perMs: number;
  /** Least share of the source's requests in that time that were refused. */
  readonly share: number;
  /** How long the first block is. */
  readonly forMs: number;
  /** By what each further block is longer. */
  readonly factor: number;
  readonly longestMs: number;
  /** Time after the end of a block, without another one, after which the next is a first one again. */
  readonly forgetMs: number;
  readonly maxAddresses: number;
}

/** Share of `count` that a source may have been refused and still be dropped from a full table. */
const FORGETTABLE_SHARE = 0.05;

class Entry {
  readonly key: string;
  readonly requests: SlidingCount;
  readonly refusals: SlidingCount;
  /** Blocks that are not forgotten. */
  blocks = 0;
  blockedUntilMs = -Infinity;

  constructor(key: string, nowMs: number) {
    this.key = key;
    this.requests = new SlidingCount(nowMs);
    this.refusals = new SlidingCount(nowMs);
  }
}

export class BlockTable {
  readonly #table = new BoundedTable<Entry>();
  #started = 0;

  /** Sources that are held to account now. */
  get size(): number {
    return this.#table.size;
  }

  /** Blocks since the start of the process. */
  get started(): number {
    return this.#started;
  }

  /** Sources that are blocked at this moment. */
  blockedAt(nowMs: number): number {
    let blocked = 0;
    for (const { blockedUntilMs } of this.#table.values()) if (nowMs < blockedUntilMs) blocked++;
    return blocked;
  }

  /** Milliseconds until the block of a source ends; 0 when it has none. */
  waitMs(key: string, nowMs: number): number {
    const entry = this.#table.get(key);
    return entry === undefined ? 0 : Math.max(0, Math.ceil(entry.blockedUntilMs - nowMs));
  }

  /** Counts a request that is let in. */
  countRequest(key: string, nowMs: number, rule: BlockRule): void {
    this.#entryOf(key, nowMs, rule)?.requests.add(nowMs, rule.perMs);
  }

  /** Counts a refusal that speaks against the source; blocks it when it is one too many. */
  countRefusal(key: string, nowMs: number, rule: BlockRule): void {
    const entry = this.#entryOf(key, nowMs, rule);
    // Requests that were on their way when the block began are not held against the source again.
    if (entry === undefined || nowMs < entry.blockedUntilMs) return;
    const { requests, refusals } = entry;
    const { count, perMs, share } = rule;
    refusals.add(nowMs, perMs);
    const refused = refusals.used(nowMs, perMs);
    if (refused < count || refused < share * requests.used(nowMs, perMs)) return;
    refusals.clear(nowMs);
    requests.clear(nowMs);
    this.#block(entry, nowMs, rule);
  }

  #block(entry: Entry, nowMs: number, { forMs, factor, longestMs, forgetMs }: BlockRule): void {
    if (nowMs - entry.blockedUntilMs >= forgetMs) entry.blocks = 0;
    const lengthMs = Math.min(longestMs, forMs * factor ** entry.blocks);
    entry.blocks++;
    entry.blockedUntilMs = nowMs + lengthMs;
    this.#started++;
  }

  /** Undefined when there is no room: the source is then not held to account here, and nobody else in its place. */
  #entryOf(key: string, nowMs: number, rule: BlockRule): Entry | undefined {
    const known = this.#table.get(key);
    if (known) return known;
    const { count, perMs, forgetMs, maxAddresses } = rule;
    const mayForget = (entry: Entry, isFull: boolean): boolean => {
      if (nowMs < entry.blockedUntilMs) return false;
      const refused = entry.refusals.used(nowMs, perMs);
      // Room for those that are refused now is worth more than how often somebody was blocked before.
      if (isFull) return refused <= count * FORGETTABLE_SHARE;
      const isForgotten = entry.blocks === 0 || nowMs - entry.blockedUntilMs >= forgetMs;
      return isForgotten && refused === 0 && entry.requests.used(nowMs, perMs) === 0;
    };
    if (!this.#table.hasRoom(maxAddresses, mayForget)) return undefined;
    const entry = new Entry(key, nowMs);
    this.#table.add(entry);
    return entry;
  }
}
