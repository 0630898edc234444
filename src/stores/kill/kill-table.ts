/** The kill switch tables of the embedded database: statements and rows only, no decisions. */
import type { StatementSync } from "node:sqlite";
import type { EmbeddedDatabase } from "../embedded-database.ts";
import { parseEntry, entryText, type KillEntry } from "./kill-entry.ts";
import { MAX_PENDING_EVENTS, type KillEvent } from "./kill-event.ts";
import type { KillSwitch } from "./kill-switch-store.ts";

/**
 * One entry a schema version; entries never change. `change` numbers every write, so that a process that looks again
 * reads only what is new; its counter stands apart, because rows are deleted and a number must not come back.
 * AUTOINCREMENT, because a confirmed event's id must not come back either.
 */
const MIGRATIONS = [
  `CREATE TABLE kill_switch (
    id TEXT PRIMARY KEY,
    entry TEXT NOT NULL,
    expires_at_ms INTEGER,
    is_off INTEGER NOT NULL,
    is_from_here INTEGER NOT NULL,
    is_expiry_told INTEGER NOT NULL DEFAULT 0,
    change INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX kill_switch_by_change ON kill_switch (change);
  CREATE TABLE kill_change (last INTEGER NOT NULL) STRICT;
  INSERT INTO kill_change VALUES (0);
  CREATE TABLE kill_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL CHECK (event IN ('on', 'off', 'expired')),
    entry TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    by TEXT,
    propagation_ms INTEGER
  ) STRICT;`,
] as const;

/** An entry as it lies in the table. */
export interface StoredEntry {
  readonly entry: KillEntry;
  /** Changed by a command or a gateway of this machine: its times are this machine's. */
  readonly isFromHere: boolean;
}

export class KillTable {
  readonly #put: StatementSync;
  readonly #count: StatementSync;
  readonly #changed: StatementSync;
  readonly #one: StatementSync;
  readonly #delete: StatementSync;
  readonly #expired: StatementSync;
  readonly #told: StatementSync;
  readonly #note: StatementSync;
  readonly #pending: StatementSync;
  readonly #confirm: StatementSync;

  constructor(database: EmbeddedDatabase) {
    database.migrate("kill_switches", MIGRATIONS);
    const { connection } = database;
    this.#count = connection.prepare("UPDATE kill_change SET last = last + 1");
    this.#put = connection.prepare(`
      INSERT INTO kill_switch (id, entry, expires_at_ms, is_off, is_from_here, change)
      VALUES (:id, :entry, :expires_at_ms, :is_off, :is_from_here, (SELECT last FROM kill_change))
      ON CONFLICT (id) DO UPDATE SET entry = excluded.entry, is_off = excluded.is_off,
        is_from_here = excluded.is_from_here, change = excluded.change`);
    this.#changed = connection.prepare(
      "SELECT * FROM kill_switch WHERE change > ? ORDER BY change",
    );
    this.#one = connection.prepare("SELECT * FROM kill_switch WHERE id = ?");
    this.#delete = connection.prepare("DELETE FROM kill_switch WHERE id = ?");
    this.#expired = connection.prepare(
      "SELECT * FROM kill_switch WHERE is_off = 0 AND is_expiry_told = 0 AND expires_at_ms <= ?",
    );
    this.#told = connection.prepare("UPDATE kill_switch SET is_expiry_told = 1 WHERE id = ?");
    this.#note = connection.prepare(`
      INSERT INTO kill_event (event, entry, at_ms, by, propagation_ms)
      VALUES (:event, :entry, :at_ms, :by, :propagation_ms)`);
    this.#pending = connection.prepare("SELECT * FROM kill_event ORDER BY id LIMIT ?");
    this.#confirm = connection.prepare("DELETE FROM kill_event WHERE id <= ?");
  }

  /** Writes an entry down, new or in the place of the one that is known. */
  put({ entry, isFromHere }: StoredEntry): void {
    this.#count.run();
    this.#put.run({
      id: entry.killSwitch.id,
      entry: entryText(entry),
      expires_at_ms: entry.killSwitch.expiresAtMs ?? null,
      is_off: entry.off === undefined ? 0 : 1,
      is_from_here: isFromHere ? 1 : 0,
    });
  }

  find(id: string): KillEntry | undefined {
    const row = this.#one.get(id);
    return row && toStored(row).entry;
  }

  /** Entries written after that change, and the number of the last change seen. */
  changedAfter(change: number): { readonly entries: StoredEntry[]; readonly change: number } {
    const rows = this.#changed.all(change);
    return { entries: rows.map(toStored), change: Number(rows.at(-1)?.["change"] ?? change) };
  }

  delete(id: string): void {
    this.#delete.run(id);
  }

  /** Switches whose time is over and of which nobody has said so yet. */
  expiredUntold(nowMs: number): KillEntry[] {
    return this.#expired.all(nowMs).map((row) => toStored(row).entry);
  }

  markExpiryTold(id: string): void {
    this.#told.run(id);
  }

  note({ event, killSwitch, atMs, by, propagationMs }: Omit<KillEvent, "id">): void {
    this.#note.run({
      event,
      entry: entryText({ killSwitch, changedAtMs: atMs, off: undefined }),
      at_ms: atMs,
      by: by ?? null,
      propagation_ms: propagationMs === undefined ? null : Math.round(propagationMs),
    });
  }

  pendingEvents(limit: number): KillEvent[] {
    return this.#pending.all(Math.max(0, Math.min(limit, MAX_PENDING_EVENTS))).map(toEvent);
  }

  confirmEvents(upToId: number): void {
    this.#confirm.run(upToId);
  }
}

function toStored(row: Record<string, unknown>): StoredEntry {
  return { entry: requireEntry(row["entry"]), isFromHere: row["is_from_here"] === 1 };
}

function toEvent(row: Record<string, unknown>): KillEvent {
  const killSwitch: KillSwitch = requireEntry(row["entry"]).killSwitch;
  return {
    id: Number(row["id"]),
    event: row["event"] as KillEvent["event"],
    killSwitch,
    atMs: Number(row["at_ms"]),
    by: (row["by"] as string | null) ?? undefined,
    propagationMs: (row["propagation_ms"] as number | null) ?? undefined,
  };
}

/** A switch that cannot be read cannot be kept: whoever opens the file has to know. */
function requireEntry(text: unknown): KillEntry {
  const entry = parseEntry(text as string);
  if (entry) return entry;
  throw new Error("the store holds a kill switch that cannot be read; a newer release wrote it");
}
