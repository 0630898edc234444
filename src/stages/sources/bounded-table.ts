/**
 * Entries by key, at most so many: each new one makes a look at a few old ones, and drops those that say nothing any more.
 * It never drops an entry that its owner wants kept: when there is no room it says so.
 */

/** Old entries looked at for each new one, and how many when the table is full. */
const SWEEP_STEPS = 2;
const SWEEP_STEPS_WHEN_FULL = 32;

export class BoundedTable<Entry extends { readonly key: string }> {
  readonly #entries = new Map<string, Entry>();
  /** The same entries in no order; the sweep walks around it. */
  readonly #ring: Entry[] = [];
  #sweepAt = 0;

  get size(): number {
    return this.#ring.length;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  values(): Iterable<Entry> {
    return this.#ring;
  }

  /** Whether there is room for one more; makes some by dropping what may be forgotten, if need be more freely. */
  hasRoom(maxEntries: number, mayForget: (entry: Entry, isFull: boolean) => boolean): boolean {
    const wasFull = this.#ring.length >= maxEntries;
    const steps = wasFull ? SWEEP_STEPS_WHEN_FULL : SWEEP_STEPS;
    for (let i = 0; i < steps && this.#ring.length > 0; i++) {
      if (this.#sweepAt >= this.#ring.length) this.#sweepAt = 0;
      const entry = this.#ring[this.#sweepAt] as Entry;
      if (mayForget(entry, this.#ring.length >= maxEntries)) this.#drop(this.#sweepAt);
      else this.#sweepAt++;
    }
    return this.#ring.length < maxEntries;
  }

  /** Adds an entry whose key is not there yet; after `hasRoom`. */
  add(entry: Entry): void {
    this.#entries.set(entry.key, entry);
    this.#ring.push(entry);
  }

  #drop(at: number): void {
    const entry = this.#ring[at] as Entry;
    this.#entries.delete(entry.key);
    const last = this.#ring.pop() as Entry;
    if (last !== entry) this.#ring[at] = last;
  }
}
