/** Entries the thread has received and not committed yet, in order. */
import { ENTRY_SEPARATOR } from "./thread-messages.ts";

/** Taken entries at the front are dropped when there are this many. */
const COMPACT_AT = 4_096;

export class EntryQueue {
  #entries: string[] = [];
  #front = 0;

  get count(): number {
    return this.#entries.length - this.#front;
  }

  /** All entries of one message. */
  push(text: string): void {
    const entries = text.split(ENTRY_SEPARATOR);
    if (this.#entries.length === 0) this.#entries = entries;
    else for (const entry of entries) this.#entries.push(entry);
  }

  /** Gives the entries and where the first waiting one stands to `commit`, which returns how many it took. */
  take(commit: (entries: readonly string[], start: number) => number): void {
    this.#front += commit(this.#entries, this.#front);
    if (this.#front < this.#entries.length && this.#front < COMPACT_AT) return;
    this.#entries = this.#entries.slice(this.#front);
    this.#front = 0;
  }

  /** Drops all and says how many there were. */
  clear(): number {
    const { count } = this;
    this.#entries = [];
    this.#front = 0;
    return count;
  }
}
