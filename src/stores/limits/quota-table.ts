/**
 * The table of used quotas in a file of their own. Written through the page cache only: it must survive the end of the
 * process, `kill -9` too, and after a loss of power it may be some seconds old, but never damaged.
 */
import { EmbeddedDatabase } from "../embedded-database.ts";
import type { CounterKey } from "./counters.ts";
import type { CalendarPeriod } from "./limit-store.ts";

/** So long a write waits for the thread that tidies the file; it blocks everything else. */
const LOCK_WAIT_MS = 20;

/** Kibibytes of the file kept in memory: rows are written in no order, and each would be read again first. */
const CACHE_KIB = 16_384;

const MIGRATIONS = [
  `CREATE TABLE quota_use (
    scope TEXT NOT NULL, subject TEXT NOT NULL, is_shared INTEGER NOT NULL,
    kind TEXT NOT NULL, unit TEXT NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (scope, subject, is_shared, kind, unit)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX quota_use_end ON quota_use (end_ms);`,
];

/** Of the same window, and so without touching the index: half the pages. */
const RAISE = `
  UPDATE quota_use SET used = ?
  WHERE scope = ? AND subject = ? AND is_shared = ? AND kind = ? AND unit = ? AND start_ms = ? AND end_ms = ?`;
const SET = `
  INSERT INTO quota_use (scope, subject, is_shared, kind, unit, start_ms, end_ms, used)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET
    start_ms = excluded.start_ms, end_ms = excluded.end_ms, used = excluded.used`;
const GET_ALL = "SELECT * FROM quota_use";
const FORGET = `
  DELETE FROM quota_use WHERE (scope, subject, is_shared, kind, unit) IN
    (SELECT scope, subject, is_shared, kind, unit FROM quota_use WHERE end_ms <= ? LIMIT ?)`;

export interface QuotaUse {
  readonly key: CounterKey;
  readonly startMs: number;
  readonly endMs: number;
  readonly used: number;
}

interface Row {
  readonly scope: string;
  readonly subject: string;
  readonly is_shared: number;
  readonly kind: CalendarPeriod;
  readonly unit: CounterKey["unit"];
  readonly start_ms: number;
  readonly end_ms: number;
  readonly used: number;
}

export class QuotaTable {
  readonly #database: EmbeddedDatabase;
  readonly #raise;
  readonly #set;
  readonly #forget;

  /** Throws with a text for the operator when the file cannot be used. */
  constructor(path: string) {
    this.#database = EmbeddedDatabase.open({ path });
    try {
      this.#database.migrate("quotas", MIGRATIONS);
      // NORMAL: no write waits for the disk. Checkpoints do, so they are left to a thread.
      this.#database.connection.exec(`
        PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -${CACHE_KIB}`);
      this.#database.setLockWait(LOCK_WAIT_MS);
      this.#raise = this.#database.connection.prepare(RAISE);
      this.#set = this.#database.connection.prepare(SET);
      this.#forget = this.#database.connection.prepare(FORGET);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  all(): QuotaUse[] {
    const rows = this.#database.connection.prepare(GET_ALL).all() as unknown as Row[];
    return rows.map(({ scope, subject, kind, unit, ...row }) => ({
      key: { scope, subject, kind, unit, isShared: row.is_shared === 1 },
      startMs: row.start_ms,
      endMs: row.end_ms,
      used: row.used,
    }));
  }

  /** All of them, or none when it throws. */
  set(uses: Iterable<QuotaUse>): void {
    this.#database.write(() => {
      for (const use of uses) this.#write(use);
    });
  }

  #write({ key, startMs, endMs, used }: QuotaUse): void {
    const names = [key.scope, key.subject, key.isShared ? 1 : 0, key.kind, key.unit];
    if (this.#raise.run(used, ...names, startMs, endMs).changes === 0)
      this.#set.run(...names, startMs, endMs, used);
  }

  /** Forgets windows that have ended, at most so many; returns how many it forgot. */
  forget(nowMs: number, most: number): number {
    return Number(this.#forget.run(nowMs, most).changes);
  }

  requireSameFile(): void {
    this.#database.requireSameFile();
  }

  /** From here on writes tidy the file themselves, now and then waiting for the disk. */
  checkpointItself(everyPages: number): void {
    this.#database.connection.exec(`PRAGMA wal_autocheckpoint = ${everyPages}`);
  }

  close(): void {
    this.#database.close();
  }
}
