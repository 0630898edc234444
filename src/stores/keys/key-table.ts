/** The API key tables of the embedded database: statements and rows only, no decisions. Rows are never deleted. */
import type { StatementSync } from "node:sqlite";
import type { EmbeddedDatabase } from "../embedded-database.ts";
import { KEY_EVENT_MIGRATION } from "./key-event-table.ts";
import type { KeyRecord, ListedKey, StoredKey } from "./key-store.ts";

/**
 * One entry a schema version; entries never change. `change` numbers every write, so that a process that looks again
 * reads only what is new. Last uses stand apart: they must not look like changes of keys.
 */
const MIGRATIONS = [
  `CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    tenant TEXT,
    scopes TEXT NOT NULL,
    permissions TEXT NOT NULL,
    groups TEXT NOT NULL,
    roles TEXT NOT NULL,
    tier TEXT,
    addresses TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    not_before_ms INTEGER,
    expires_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER,
    rotated_from TEXT UNIQUE REFERENCES api_key (id),
    change INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX api_key_by_change ON api_key (change);
  CREATE TABLE api_key_use (
    id TEXT PRIMARY KEY REFERENCES api_key (id),
    last_used_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;`,
  // In this list and not a component of its own, so that a release that would write keys without events refuses the file.
  KEY_EVENT_MIGRATION,
  // Machines that share keys may each have rotated the same key, and hear of a successor before the key that it replaces:
  // the first column forbids both, and SQLite cannot alter it. It stays empty from now on.
  `ALTER TABLE api_key ADD COLUMN replaces TEXT;
  UPDATE api_key SET replaces = rotated_from, rotated_from = NULL;
  CREATE INDEX api_key_by_replaced ON api_key (replaces);`,
] as const;

const NEXT_CHANGE = "(SELECT coalesce(max(change), 0) + 1 FROM api_key)";

type Row = Record<string, unknown>;

export class KeyTable {
  readonly #insert: StatementSync;
  readonly #end: StatementSync;
  readonly #changed: StatementSync;
  readonly #one: StatementSync;
  readonly #successor: StatementSync;
  readonly #all: StatementSync;
  readonly #use: StatementSync;

  constructor(database: EmbeddedDatabase) {
    database.migrate("api_keys", MIGRATIONS);
    const { connection } = database;
    this.#insert = connection.prepare(`
      INSERT INTO api_key VALUES (:id, :principal, :secret_sha256, :name, :owner, :tenant, :scopes, :permissions,
        :groups, :roles, :tier, :addresses, :created_at_ms, :not_before_ms, :expires_at_ms, :revoked_at_ms, NULL,
        ${NEXT_CHANGE}, :replaces)`);
    this.#end = connection.prepare(
      `UPDATE api_key SET expires_at_ms = ?, revoked_at_ms = ?, change = ${NEXT_CHANGE} WHERE id = ?`,
    );
    this.#changed = connection.prepare("SELECT * FROM api_key WHERE change > ? ORDER BY change");
    this.#one = connection.prepare("SELECT * FROM api_key WHERE id = ?");
    this.#successor = connection.prepare(
      "SELECT id FROM api_key WHERE replaces = ? ORDER BY created_at_ms, id",
    );
    this.#all = connection.prepare(
      "SELECT * FROM api_key LEFT JOIN api_key_use USING (id) ORDER BY created_at_ms, id",
    );
    this.#use = connection.prepare(`
      INSERT INTO api_key_use VALUES (?, ?) ON CONFLICT (id)
      DO UPDATE SET last_used_at_ms = max(last_used_at_ms, excluded.last_used_at_ms)`);
  }

  insert({ record, secretSha256 }: StoredKey): void {
    this.#insert.run({
      id: record.id,
      principal: record.principal,
      secret_sha256: secretSha256,
      name: record.name,
      owner: record.owner,
      tenant: record.tenant ?? null,
      scopes: JSON.stringify(record.scopes),
      permissions: JSON.stringify(record.permissions),
      groups: JSON.stringify(record.groups),
      roles: JSON.stringify(record.roles),
      tier: record.tier ?? null,
      addresses: JSON.stringify(record.addresses),
      created_at_ms: record.createdAtMs,
      not_before_ms: record.notBeforeMs ?? null,
      expires_at_ms: record.expiresAtMs,
      revoked_at_ms: record.revokedAtMs ?? null,
      replaces: record.rotatedFrom ?? null,
    });
  }

  /** Sets when a key ends. */
  end(
    id: string,
    { expiresAtMs, revokedAtMs }: Pick<KeyRecord, "expiresAtMs" | "revokedAtMs">,
  ): void {
    this.#end.run(expiresAtMs, revokedAtMs ?? null, id);
  }

  find(id: string): StoredKey | undefined {
    const row = this.#one.get(id);
    return row && toStoredKey(row);
  }

  /** The id of the key that replaces this one, if any. */
  successorOf(id: string): string | undefined {
    return this.#successor.get(id)?.["id"] as string | undefined;
  }

  /** Keys written after that change, and the number of the last change seen. */
  changedAfter(change: number): { readonly keys: StoredKey[]; readonly change: number } {
    const rows = this.#changed.all(change);
    return { keys: rows.map(toStoredKey), change: Number(rows.at(-1)?.["change"] ?? change) };
  }

  list(): ListedKey[] {
    return this.#all.all().map((row) => ({
      ...toStoredKey(row).record,
      lastUsedAtMs: optionalNumber(row["last_used_at_ms"]),
    }));
  }

  noteUse(id: string, lastUsedAtMs: number): void {
    this.#use.run(id, lastUsedAtMs);
  }
}

function toStoredKey(row: Row): StoredKey {
  const record: KeyRecord = Object.freeze({
    id: row["id"] as string,
    principal: row["principal"] as string,
    name: row["name"] as string,
    owner: row["owner"] as string,
    tenant: optionalText(row["tenant"]),
    scopes: textList(row["scopes"]),
    permissions: textList(row["permissions"]),
    groups: textList(row["groups"]),
    roles: textList(row["roles"]),
    tier: optionalText(row["tier"]),
    addresses: textList(row["addresses"]),
    createdAtMs: Number(row["created_at_ms"]),
    notBeforeMs: optionalNumber(row["not_before_ms"]),
    expiresAtMs: Number(row["expires_at_ms"]),
    revokedAtMs: optionalNumber(row["revoked_at_ms"]),
    rotatedFrom: optionalText(row["replaces"]),
  });
  return Object.freeze({ record, secretSha256: Buffer.from(row["secret_sha256"] as Uint8Array) });
}

const optionalText = (value: unknown): string | undefined => (value as string | null) ?? undefined;
const optionalNumber = (value: unknown): number | undefined =>
  value === null || value === undefined ? undefined : Number(value);
const textList = (value: unknown): readonly string[] =>
  Object.freeze(JSON.parse(value as string) as string[]);
