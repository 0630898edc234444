/**
 * The outbox table of key events: statements and rows only. Its rows are deleted once confirmed; without a reader they
 * stay, as few as an operator's commands and as small as the keys they tell of, which are never deleted either.
 */
import type { StatementSync } from "node:sqlite";
import type { EmbeddedDatabase } from "../embedded-database.ts";
import { MAX_PENDING_EVENTS, type KeyEvent } from "./key-event.ts";

/**
 * The second schema version of the key tables. AUTOINCREMENT, because a confirmed id must not come back: a gateway that
 * confirms "up to 7" would otherwise delete an event it has never seen.
 */
export const KEY_EVENT_MIGRATION = `CREATE TABLE api_key_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL CHECK (event IN ('create', 'revoke', 'rotate')),
    key_id TEXT NOT NULL REFERENCES api_key (id),
    rotated_from TEXT,
    owner TEXT NOT NULL,
    tenant TEXT,
    at_ms INTEGER NOT NULL,
    by TEXT
  ) STRICT;`;

export class KeyEventTable {
  readonly #insert: StatementSync;
  readonly #pending: StatementSync;
  readonly #confirm: StatementSync;

  constructor({ connection }: EmbeddedDatabase) {
    this.#insert = connection.prepare(`
      INSERT INTO api_key_event (event, key_id, rotated_from, owner, tenant, at_ms, by)
      VALUES (:event, :key_id, :rotated_from, :owner, :tenant, :at_ms, :by)`);
    this.#pending = connection.prepare("SELECT * FROM api_key_event ORDER BY id LIMIT ?");
    this.#confirm = connection.prepare("DELETE FROM api_key_event WHERE id <= ?");
  }

  insert(event: Omit<KeyEvent, "id">): void {
    this.#insert.run({
      event: event.event,
      key_id: event.keyId,
      rotated_from: event.rotatedFrom ?? null,
      owner: event.owner,
      tenant: event.tenant ?? null,
      at_ms: event.atMs,
      by: event.by ?? null,
    });
  }

  pending(limit: number): KeyEvent[] {
    return this.#pending.all(Math.max(0, Math.min(limit, MAX_PENDING_EVENTS))).map(toEvent);
  }

  confirm(upToId: number): void {
    this.#confirm.run(upToId);
  }
}

function toEvent(row: Record<string, unknown>): KeyEvent {
  const optional = (name: string): string | undefined => (row[name] as string | null) ?? undefined;
  return {
    id: Number(row["id"]),
    event: row["event"] as KeyEvent["event"],
    keyId: row["key_id"] as string,
    rotatedFrom: optional("rotated_from"),
    owner: row["owner"] as string,
    tenant: optional("tenant"),
    atMs: Number(row["at_ms"]),
    by: optional("by"),
  };
}
