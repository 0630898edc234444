/**
 * One quota's use as the disk knows it: always at least what was used, so that nobody gets more after a crash, and at
 * most a chunk above it, so that a crash takes no more than that away.
 */
import type { CalendarCounter, UseMark } from "./calendar-counter.ts";
import type { CounterKey } from "./counters.ts";
import type { QuotaUse } from "./quota-table.ts";

/**
 * How much of a limit is written ahead: less than 1 % of it, at least 1 unit. A larger part means fewer writes, and more
 * that a crash takes away.
 */
const CHUNK_PART = 128;

const chunkOf = (limit: number): number => Math.max(1, Math.floor(limit / CHUNK_PART));

/** Where marks are written. */
export interface MarkWriter {
  /** Before the request that is being decided may pass. */
  writeFirst(mark: QuotaMark): void;
  /** Before anything else happens; reports trouble by itself. */
  writeNow(mark: QuotaMark): void;
  writeSoon(mark: QuotaMark): void;
  /** As the last of all, exactly. */
  writeLast(mark: QuotaMark): void;
}

export class QuotaMark implements UseMark {
  readonly #key: CounterKey;
  readonly #counter: CalendarCounter;
  readonly #writer: MarkWriter;
  /** Units that the disk knows of in the present window; 0 also when it is not known. */
  #onDisk = 0;
  /** What the counter will hold when the request that is being decided has passed. */
  #needed = 0;
  #limit = 0;
  #chunk = 1;

  constructor(key: CounterKey, counter: CalendarCounter, writer: MarkWriter) {
    this.#key = key;
    this.#counter = counter;
    this.#writer = writer;
  }

  cover(used: number, limit: number): void {
    if (limit !== this.#limit) {
      this.#limit = limit;
      this.#chunk = chunkOf(limit);
    }
    const ahead = this.#onDisk - used;
    if (ahead * 2 >= this.#chunk) return;
    if (ahead < 0) {
      this.#needed = used;
      this.#writer.writeFirst(this);
    } else this.#writer.writeSoon(this);
  }

  changed(): void {
    const ahead = this.#onDisk - this.#counter.used;
    if (ahead < 0) this.#writer.writeNow(this);
    else if (ahead > this.#chunk) this.#writer.writeSoon(this);
  }

  moved(): void {
    this.#onDisk = 0;
  }

  settle(): void {
    if (this.#onDisk > 0 && this.#onDisk !== this.#counter.used) this.#writer.writeLast(this);
  }

  /** What to write ahead. */
  ahead(): QuotaUse {
    return this.#use(Math.max(this.#counter.used, this.#needed) + this.#chunk);
  }

  exact(): QuotaUse {
    return this.#use(this.#counter.used);
  }

  /** A use that this mark told is on the disk. */
  written({ used }: QuotaUse): void {
    this.#needed = 0;
    this.#onDisk = used;
  }

  /** The request that was being decided does not pass. */
  forgo(): void {
    this.#needed = 0;
  }

  #use(used: number): QuotaUse {
    const { startMs, endMs } = this.#counter;
    return { key: this.#key, startMs, endMs, used: Math.min(used, Number.MAX_SAFE_INTEGER) };
  }
}
