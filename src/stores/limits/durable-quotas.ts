/**
 * Keeps quotas of an hour and longer over the end of the process, `kill -9` too. The disk learns of units before they
 * are used, a chunk at a time: after a crash nobody gets more than the quota, and loses at most a chunk of it, and what
 * running requests had reserved. After an orderly close it is exact.
 */
import { Worker } from "node:worker_threads";
import { EmbeddedDatabase } from "../embedded-database.ts";
import { StoreUnavailable } from "../store-unavailable.ts";
import type { CalendarCounter } from "./calendar-counter.ts";
import type { CounterKey } from "./counters.ts";
import { QuotaMark, type MarkWriter } from "./quota-mark.ts";
import { QuotaTable, type QuotaUse } from "./quota-table.ts";

/** Writes that can wait are gathered so long. Longer makes larger batches, and more requests that write by themselves. */
const BATCH_MS = 10;
/** Some 10 microseconds each: more hold up the requests of that moment for longer. */
const BATCH_ROWS = 32;
const RETRY_MS = 1_000;
/** How often windows that have ended are looked for; the file is larger by as much as ends meanwhile. */
const FORGET_INTERVAL_MS = 60_000;
/** Each adds some 8 KiB to the log, which is moved into the file after so many. */
const COMMITS_PER_CHECKPOINT = 1_000;

const THREAD_FILE = new URL(
  `./quota-checkpoint-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/** SQLite's result code for a lock that somebody else holds. */
const SQLITE_BUSY = 5;

const DURABLE: ReadonlySet<string> = new Set(["hour", "day", "month"]);

export interface DurableQuotasOptions {
  /** A file for this alone; `-wal`, `-shm` and `.lock` files stand beside it. */
  readonly path: string;
  /** Called when writing begins to fail, and again only after it has worked meanwhile. */
  readonly onTrouble: (error: unknown) => void;
  /** Wall clock; default `Date.now`. */
  readonly nowMs?: () => number;
}

export class DurableQuotas implements MarkWriter {
  readonly #table: QuotaTable;
  readonly #lock: EmbeddedDatabase;
  readonly #path: string;
  readonly #onTrouble: (error: unknown) => void;
  readonly #nowMs: () => number;
  /** Those without which the request that is being decided may not pass. */
  readonly #first: QuotaMark[] = [];
  readonly #soon = new Set<QuotaMark>();
  readonly #last: QuotaMark[] = [];
  #thread: Worker | undefined;
  #batchTimer: NodeJS.Timeout | undefined;
  #forgetTimer: NodeJS.Timeout | undefined;
  #isTroubled = false;
  #isClosed = false;
  #commits = 0;

  private constructor(options: DurableQuotasOptions, lock: EmbeddedDatabase, table: QuotaTable) {
    this.#onTrouble = options.onTrouble;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#lock = lock;
    this.#table = table;
    this.#path = options.path;
    this.#forgetTimer = setTimeout(() => this.#forget(), FORGET_INTERVAL_MS).unref();
  }

  /** Throws with a text for the operator when the file cannot be used or another process uses it. */
  static open(options: DurableQuotasOptions): DurableQuotas {
    const lock = lockOf(options.path);
    try {
      return new DurableQuotas(options, lock, new QuotaTable(options.path));
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** What was used in windows that have not ended. Reads all at once: for the start only. */
  load(): QuotaUse[] {
    this.#table.forget(this.#nowMs(), Number.MAX_SAFE_INTEGER);
    return this.#table.all();
  }

  /** Undefined for a counter that is not kept: what is whole again within a minute is not worth the writes. */
  markOf(key: CounterKey, counter: CalendarCounter): QuotaMark | undefined {
    return DURABLE.has(key.kind) ? new QuotaMark(key, counter, this) : undefined;
  }

  writeFirst(mark: QuotaMark): void {
    this.#first.push(mark);
  }

  writeSoon(mark: QuotaMark): void {
    this.#soon.add(mark);
    if (!this.#isClosed) this.#batchTimer ??= this.#batchIn(BATCH_MS);
  }

  writeLast(mark: QuotaMark): void {
    this.#last.push(mark);
  }

  writeNow(mark: QuotaMark): void {
    if (!this.#tryWrite([mark])) this.writeSoon(mark);
  }

  /** Before the request that is being decided passes: the disk knows of it. Throws `StoreUnavailable` if it cannot. */
  ensure(): void {
    if (this.#first.length === 0) return;
    const isWritten = this.#tryWrite(this.#first);
    this.forgo();
    if (!isWritten) throw new StoreUnavailable("quotas cannot be written to the disk");
  }

  /** The request that is being decided does not pass. */
  forgo(): void {
    if (this.#first.length === 0) return;
    for (const mark of this.#first) mark.forgo();
    this.#first.length = 0;
  }

  /** Writes exactly what the settled marks have used. Rejects when it cannot; nobody then gets more by it. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#batchTimer);
    clearTimeout(this.#forgetTimer);
    await this.#thread?.terminate();
    try {
      // Nothing is written ahead any more: a request that still comes finds that its units are not known.
      this.#write(
        this.#last,
        this.#last.map((mark) => mark.exact()),
      );
    } finally {
      this.#table.close();
      this.#lock.close();
    }
  }

  #batchIn(waitMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#writeBatch(), waitMs).unref();
  }

  #writeBatch(): void {
    this.#batchTimer = undefined;
    const batch: QuotaMark[] = [];
    for (const mark of this.#soon) {
      batch.push(mark);
      if (batch.length === BATCH_ROWS) break;
    }
    const isWritten = this.#tryWrite(batch);
    if (isWritten) for (const mark of batch) this.#soon.delete(mark);
    if (this.#soon.size > 0) this.#batchTimer = this.#batchIn(isWritten ? BATCH_MS : RETRY_MS);
  }

  #tryWrite(marks: readonly QuotaMark[]): boolean {
    try {
      this.#write(
        marks,
        marks.map((mark) => mark.ahead()),
      );
    } catch (error) {
      this.#report(error);
      return false;
    }
    this.#isTroubled = false;
    if (++this.#commits % COMMITS_PER_CHECKPOINT === 0) this.#tidy();
    return true;
  }

  #write(marks: readonly QuotaMark[], uses: readonly QuotaUse[]): void {
    this.#table.set(uses);
    for (let i = 0; i < marks.length; i++) marks[i]?.written(uses[i] as QuotaUse);
  }

  #tidy(): void {
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      (this.#thread ??= this.#startThread()).postMessage("checkpoint");
    } catch (error) {
      this.#tidyHere(error);
    }
  }

  #startThread(): Worker {
    const thread = new Worker(THREAD_FILE, { workerData: this.#path, name: "quotas" });
    thread.unref();
    return thread.on("error", (error) => this.#tidyHere(error));
  }

  /** There is no thread for it: better to wait for the disk now and then than to let the log grow for ever. */
  #tidyHere(error: unknown): void {
    if (this.#isClosed) return;
    this.#onTrouble(error);
    this.#table.checkpointItself(COMMITS_PER_CHECKPOINT);
  }

  #forget(): void {
    let isMore = false;
    try {
      this.#table.requireSameFile();
      isMore = this.#table.forget(this.#nowMs(), BATCH_ROWS) === BATCH_ROWS;
    } catch (error) {
      this.#report(error);
    }
    const waitMs = isMore ? BATCH_MS : FORGET_INTERVAL_MS;
    this.#forgetTimer = setTimeout(() => this.#forget(), waitMs).unref();
  }

  #report(error: unknown): void {
    if (this.#isTroubled || this.#isClosed) return;
    this.#isTroubled = true;
    this.#onTrouble(error);
  }
}

/** Held until the process ends, in whatever way: two that count in one file would each forget what the other counted. */
function lockOf(path: string): EmbeddedDatabase {
  let lock: EmbeddedDatabase | undefined;
  try {
    lock = EmbeddedDatabase.open({ path: `${path}.lock` });
    lock.connection.exec("BEGIN IMMEDIATE");
    return lock;
  } catch (cause) {
    lock?.close();
    const why = isLocked(cause)
      ? `another process may be using it, and needs a store.path of its own (${String(cause)})`
      : String(cause);
    throw new Error(`quotas cannot be kept in ${path}: ${why}`, { cause });
  }
}

const isLocked = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
