/** Entries on their way to the disk, in order, and who waits for each. It must never hold more than its bounds. */
import type { LedgerError } from "./ledger-error.ts";
import type { Committed } from "./stream-writer.ts";

/**
 * Most entries and text under way. Raised, whoever floods a gateway whose disk is slow takes that much more of its
 * memory, and waits longer to be told that it is overloaded.
 */
const LIMIT_ENTRIES = 65_536;
const LIMIT_UNITS = 32 * 1024 * 1024;

/** Entries nobody waits for may take half of it: they must not crowd out those that someone waits for. */
const POSTED_SHARE = 0.5;

/** Freed places at the front are given back when there are this many. */
const COMPACT_AT = 4_096;

interface Waiting {
  readonly units: number;
  readonly resolve?: (seq: number) => void;
  readonly reject?: (error: LedgerError) => void;
}

export class WaitingEntries {
  #entries: Waiting[] = [];
  #front = 0;
  #units = 0;

  get count(): number {
    return this.#entries.length - this.#front;
  }

  /** Whether an entry of so many UTF-16 units still fits. */
  hasRoom(units: number, isAwaited: boolean): boolean {
    const share = isAwaited ? 1 : POSTED_SHARE;
    return this.count < LIMIT_ENTRIES * share && this.#units + units <= LIMIT_UNITS * share;
  }

  add(entry: Waiting): void {
    this.#entries.push(entry);
    this.#units += entry.units;
  }

  /** The next `count` are durable from `firstSeq` on, but for those at `refused`. */
  resolve({ count, firstSeq, refused }: Committed, refusal: () => LedgerError): void {
    let seq = firstSeq;
    for (let index = 0; index < count; index += 1) {
      const entry = this.#take();
      if (refused.length > 0 && refused.includes(index)) {
        entry?.reject?.(refusal());
        continue;
      }
      entry?.resolve?.(seq);
      seq += 1;
    }
    this.#compact();
  }

  reject(count: number, error: LedgerError): void {
    for (let index = 0; index < count; index += 1) this.#take()?.reject?.(error);
    this.#compact();
  }

  #take(): Waiting | undefined {
    const entry = this.#entries[this.#front];
    if (entry === undefined) return undefined;
    this.#front += 1;
    this.#units -= entry.units;
    return entry;
  }

  #compact(): void {
    if (this.#front < COMPACT_AT && this.#front < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#front);
    this.#front = 0;
  }
}
