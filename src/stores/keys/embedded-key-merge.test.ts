/** What the embedded store takes in from other machines: on disk, never longer-lived, and without events. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedDatabase } from "../embedded-database.ts";
import { openEmbeddedKeyStore, type EmbeddedKeyStore } from "./embedded-key-store.ts";
import { KEY_EVENT_MIGRATION } from "./key-event-table.ts";
import type { KeyRecord, StoredKey } from "./key-store.ts";

const NOW_MS = Date.UTC(2027, 0, 1);
let elapsedMs = 0;
const clock = { nowMs: () => NOW_MS, monotonicMs: () => elapsedMs };
let directory: string;
const stores: EmbeddedKeyStore[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-key-merge-"));
});

afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  rmSync(directory, { recursive: true, force: true });
});

function opened(name: string, isWatching = false): EmbeddedKeyStore {
  const store = openEmbeddedKeyStore({
    path: join(directory, `${name}.db`),
    clock,
    isWatching,
  });
  stores.push(store);
  return store;
}

function keyOf(store: EmbeddedKeyStore, id: string, changes: Partial<KeyRecord> = {}): StoredKey {
  const key = store.find(id);
  if (!key) throw new Error("no key");
  return { ...key, record: { ...key.record, ...changes } };
}

test("a key that is not known is there, with its end, for the next process too", () => {
  const [here, there] = [opened("here"), opened("there")];
  const { id } = there.create({ name: "n", owner: "o", scopes: ["a"] }).record;
  there.revoke(id);
  here.merge([keyOf(there, id)]);
  expect(here.find(id)).toEqual(there.find(id));
  expect(opened("here").find(id)).toEqual(there.find(id));
  expect(here.pendingEvents(10)).toEqual([]);
});

test("each end only moves earlier, whichever of them is heard and what stands beside it", () => {
  const here = opened("here");
  const { id, expiresAtMs } = here.create({ name: "n", owner: "o" }).record;
  const heard = (end: Partial<KeyRecord>): void => here.merge([keyOf(here, id, end)]);
  const end = (): unknown[] => {
    const record = opened("here").find(id)?.record;
    expect(here.find(id)?.record).toEqual(record);
    return [record?.expiresAtMs, record?.revokedAtMs];
  };
  heard({ expiresAtMs: expiresAtMs + 1 });
  expect(end()).toEqual([expiresAtMs, undefined]);
  heard({ revokedAtMs: NOW_MS + 10 });
  expect(end()).toEqual([expiresAtMs, NOW_MS + 10]);
  heard({ expiresAtMs: expiresAtMs - 5, revokedAtMs: undefined });
  expect(end()).toEqual([expiresAtMs - 5, NOW_MS + 10]);
  heard({ expiresAtMs, revokedAtMs: NOW_MS });
  expect(end()).toEqual([expiresAtMs - 5, NOW_MS]);
  heard({ expiresAtMs: expiresAtMs - 5, revokedAtMs: undefined });
  expect(end()).toEqual([expiresAtMs - 5, NOW_MS]);
});

test("a revocation that cannot be written holds all the same, and is written later; no key is let in unwritten", () => {
  const here = opened("here", true);
  const [{ id }, { id: other }] = [
    here.create({ name: "n", owner: "o" }).record,
    opened("there").create({ name: "m", owner: "o" }).record,
  ];
  const heard = [keyOf(here, id, { revokedAtMs: NOW_MS }), keyOf(opened("there"), other)];
  const raw = new DatabaseSync(join(directory, "here.db"));
  raw.exec("BEGIN IMMEDIATE");
  expect(() => here.merge(heard)).toThrow(/locked/);
  expect(here.find(id)?.record.revokedAtMs).toBe(NOW_MS);
  expect(here.find(other)).toBeUndefined();
  // Not tried each time it is heard: a try waits for the lock, and every request with it.
  expect(() => here.merge(heard)).toThrow(/a moment ago/);
  raw.exec("ROLLBACK");
  // What this process reads meanwhile does not bring it back.
  raw.exec("UPDATE api_key SET expires_at_ms = expires_at_ms - 1, change = change + 100");
  raw.close();
  here.create({ name: "k", owner: "o" });
  expect(here.find(id)?.record.revokedAtMs).toBe(NOW_MS);
  elapsedMs += 5_000;
  here.merge(heard);
  expect(opened("here").find(id)?.record.revokedAtMs).toBe(NOW_MS);
  expect(opened("here").find(other)).toBeDefined();
});

test("nothing but the end of a known key changes", () => {
  const here = opened("here");
  const { id } = here.create({ name: "n", owner: "o" }).record;
  const before = keyOf(here, id);
  here.merge([
    { secretSha256: Buffer.alloc(32), record: { ...before.record, owner: "x", expiresAtMs: 5 } },
  ]);
  expect(here.find(id)).toEqual(keyOf(here, id, { expiresAtMs: 5, owner: "o" }));
  expect(here.find(id)?.secretSha256).toEqual(before.secretSha256);
});

test("a successor may come before the key that it replaces, and be one of two", () => {
  const [here, there] = [opened("here"), opened("there")];
  const { id } = there.create({ name: "n", owner: "o" }).record;
  const one = there.rotate(id).record.id;
  const other = { ...keyOf(there, one).record, id: "0000000000" };
  here.merge([keyOf(there, one), { ...keyOf(there, one), record: other }]);
  here.merge([keyOf(there, id)]);
  expect(here.list().map((key) => [key.id, key.rotatedFrom])).toEqual(
    [one, other.id, id].toSorted().map((key) => [key, key === id ? undefined : id]),
  );
  expect(() => here.rotate(id)).toThrow(/already rotated/);
});

test("a file of the release before keys were shared keeps who replaced whom", () => {
  const path = join(directory, "here.db");
  const before = EmbeddedDatabase.open({ path });
  before.migrate("api_keys", [
    `CREATE TABLE api_key (
      id TEXT PRIMARY KEY, principal TEXT NOT NULL,
      secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
      name TEXT NOT NULL, owner TEXT NOT NULL, tenant TEXT, scopes TEXT NOT NULL, permissions TEXT NOT NULL,
      groups TEXT NOT NULL, roles TEXT NOT NULL, tier TEXT, addresses TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL, not_before_ms INTEGER, expires_at_ms INTEGER NOT NULL, revoked_at_ms INTEGER,
      rotated_from TEXT UNIQUE REFERENCES api_key (id), change INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX api_key_by_change ON api_key (change);
    CREATE TABLE api_key_use (
      id TEXT PRIMARY KEY REFERENCES api_key (id), last_used_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;`,
    KEY_EVENT_MIGRATION,
  ]);
  const row = (id: string, rotatedFrom: string): string =>
    `('${id}', 'aaaaaaaaaa', zeroblob(32), 'n', 'o', NULL, '[]', '[]', '[]', '[]', NULL, '[]', 1, NULL, 9, NULL, ${rotatedFrom}, 1)`;
  before.connection.exec(
    `INSERT INTO api_key VALUES ${row("aaaaaaaaaa", "NULL")}, ${row("bbbbbbbbbb", "'aaaaaaaaaa'")}`,
  );
  before.close();
  const here = opened("here");
  expect(here.find("bbbbbbbbbb")?.record.rotatedFrom).toBe("aaaaaaaaaa");
  expect(here.find("aaaaaaaaaa")?.record.rotatedFrom).toBeUndefined();
  expect(() => here.rotate("aaaaaaaaaa")).toThrow(/already rotated to bbbbbbbbbb/);
});
