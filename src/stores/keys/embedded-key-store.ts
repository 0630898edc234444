/**
 * API keys in the embedded database. A gateway keeps all of them in memory and looks for other processes' changes
 * twice a second; commands open the same file, write and leave. A lookup never touches the disk.
 */
import { hash } from "node:crypto";
import { Fault } from "../../pipeline/rejection.ts";
import type { Clock } from "../../pipeline/stage.ts";
import { EmbeddedDatabase } from "../embedded-database.ts";
import { expiryOf, requireSoundDraft } from "./key-draft.ts";
import type { KeyEvent } from "./key-event.ts";
import { KeyEventTable } from "./key-event-table.ts";
import { formatKey, mintKeyParts, type KeyParts } from "./key-format.ts";
import {
  DEFAULT_ROTATION_GRACE_MS,
  KeyRequestRefused,
  type IssuedKey,
  type KeyDraft,
  type KeyRecord,
  type KeyStore,
  type ListedKey,
  type RotationOptions,
  type StoredKey,
} from "./key-store.ts";
import { KeyTable } from "./key-table.ts";

/** Half a second: the longest a revoked key goes on working in another process. */
export const DEFAULT_POLL_MS = 500;
/** A gateway never blocks its requests longer than this for another process's write. */
const WATCHING_LOCK_WAIT_MS = 250;
/** After a minute without a look at the file, answering from memory would mean ignoring revocations: fail closed. */
export const DEFAULT_BLIND_LIMIT_MS = 60_000;
/** Last uses are kept to the minute and written together. */
const USE_GRAIN_MS = 60_000;

export interface EmbeddedKeyStoreOptions {
  readonly path: string;
  readonly clock: Clock;
  /** True in a gateway: follow changes by other processes and write last uses. False in a command. */
  readonly isWatching: boolean;
  /** Who gives the commands, for the record of key events; a gateway gives none. */
  readonly operator?: string | undefined;
  readonly pollMs?: number;
  readonly blindLimitMs?: number;
}

export function openEmbeddedKeyStore(options: EmbeddedKeyStoreOptions): KeyStore {
  const database = EmbeddedDatabase.open({ path: options.path });
  try {
    const store = new EmbeddedKeyStore(database, options);
    // Only now: making the tables is worth the full wait even in a gateway, as it happens before the first request.
    if (options.isWatching) database.setLockWait(WATCHING_LOCK_WAIT_MS);
    return store;
  } catch (error) {
    database.close();
    throw error;
  }
}

class EmbeddedKeyStore implements KeyStore {
  readonly #database: EmbeddedDatabase;
  readonly #table: KeyTable;
  readonly #events: KeyEventTable;
  readonly #operator: string | undefined;
  readonly #clock: Clock;
  readonly #blindLimitMs: number;
  readonly #keys = new Map<string, StoredKey>();
  /** When each key was last used, to the minute; and which of those are not yet written down. */
  readonly #uses = new Map<string, number>();
  readonly #unwrittenUses = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #seenChange = 0;
  #seenVersion = -1;
  #lookedAtMs = 0;

  constructor(database: EmbeddedDatabase, options: EmbeddedKeyStoreOptions) {
    this.#database = database;
    this.#table = new KeyTable(database);
    this.#events = new KeyEventTable(database);
    this.#operator = options.operator;
    this.#clock = options.clock;
    this.#blindLimitMs = options.isWatching
      ? (options.blindLimitMs ?? DEFAULT_BLIND_LIMIT_MS)
      : Infinity;
    this.#look();
    if (!options.isWatching) return;
    this.#timers.push(
      setInterval(() => this.#lookAgain(), options.pollMs ?? DEFAULT_POLL_MS).unref(),
      setInterval(() => this.#writeUses(), USE_GRAIN_MS).unref(),
    );
  }

  create(draft: KeyDraft): IssuedKey {
    const nowMs = this.#clock.nowMs();
    const sound = requireSoundDraft(draft, nowMs);
    const parts = mintKeyParts();
    const record: KeyRecord = {
      ...sound,
      id: parts.id,
      principal: parts.id,
      createdAtMs: nowMs,
      revokedAtMs: undefined,
      rotatedFrom: undefined,
    };
    this.#database.write(() => {
      this.#table.insert(storedKey(record, parts));
      this.#note("create", record, nowMs);
    });
    return this.#issued(parts);
  }

  list(): readonly ListedKey[] {
    return this.#table.list().map((key) => {
      const usedAtMs = Math.max(key.lastUsedAtMs ?? 0, this.#uses.get(key.id) ?? 0);
      return { ...key, lastUsedAtMs: usedAtMs === 0 ? undefined : usedAtMs };
    });
  }

  revoke(id: string): KeyRecord {
    this.#database.write(() => {
      const { record } = this.#require(id);
      if (record.revokedAtMs !== undefined) return;
      const revokedAtMs = this.#clock.nowMs();
      this.#table.end(id, { expiresAtMs: record.expiresAtMs, revokedAtMs });
      this.#note("revoke", record, revokedAtMs);
    });
    this.#look();
    return this.#require(id).record;
  }

  rotate(id: string, options: RotationOptions = {}): IssuedKey {
    const { graceMs = DEFAULT_ROTATION_GRACE_MS, lifetimeMs } = options;
    if (!(graceMs >= 0)) throw new KeyRequestRefused("the grace period cannot be negative");
    const nowMs = this.#clock.nowMs();
    const expiresAtMs = expiryOf(lifetimeMs, nowMs);
    const parts = mintKeyParts();
    this.#database.write(() => {
      const { record: old } = this.#require(id);
      this.#requireLive(old, nowMs);
      const record: KeyRecord = {
        ...old,
        id: parts.id,
        createdAtMs: nowMs,
        notBeforeMs: undefined,
        expiresAtMs,
        rotatedFrom: id,
      };
      this.#table.insert(storedKey(record, parts));
      this.#table.end(id, {
        expiresAtMs: Math.min(old.expiresAtMs, Math.trunc(nowMs + graceMs)),
        revokedAtMs: undefined,
      });
      this.#note("rotate", record, nowMs);
    });
    return this.#issued(parts);
  }

  pendingEvents(limit: number): readonly KeyEvent[] {
    return this.#events.pending(limit);
  }

  confirmEvents(upToId: number): void {
    this.#database.write(() => this.#events.confirm(upToId));
  }

  find(id: string): StoredKey | undefined {
    if (this.#clock.monotonicMs() - this.#lookedAtMs > this.#blindLimitMs)
      throw new Fault("identity.keys_unavailable", "the API key store cannot be read");
    return this.#keys.get(id);
  }

  touch(id: string, nowMs: number): void {
    if (nowMs - (this.#uses.get(id) ?? -Infinity) < USE_GRAIN_MS) return;
    this.#uses.set(id, nowMs);
    this.#unwrittenUses.add(id);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#writeUses();
    this.#database.close();
  }

  /** Writes the event down; only within the transaction of the change, so that neither is there without the other. */
  #note(event: KeyEvent["event"], record: KeyRecord, atMs: number): void {
    const { id: keyId, owner, tenant } = record;
    const rotatedFrom = event === "rotate" ? record.rotatedFrom : undefined;
    this.#events.insert({ event, keyId, rotatedFrom, owner, tenant, atMs, by: this.#operator });
  }

  #issued(parts: KeyParts): IssuedKey {
    this.#look();
    const { record } = this.#require(parts.id);
    return { record, reveal: () => formatKey(parts) };
  }

  #require(id: string): StoredKey {
    const key = this.#table.find(id);
    if (!key) throw new KeyRequestRefused(`there is no key ${JSON.stringify(id)}`);
    return key;
  }

  #requireLive(record: KeyRecord, nowMs: number): void {
    const successor = this.#table.successorOf(record.id);
    if (successor !== undefined)
      throw new KeyRequestRefused(`key ${record.id} was already rotated to ${successor}`);
    if (record.revokedAtMs !== undefined)
      throw new KeyRequestRefused(`key ${record.id} is revoked: create a new one`);
    if (record.expiresAtMs <= nowMs)
      throw new KeyRequestRefused(`key ${record.id} has expired: create a new one`);
  }

  /** Takes in every change since the last look. The version is read first: what changes meanwhile is seen next time. */
  #look(): void {
    this.#database.requireSameFile();
    const version = this.#database.dataVersion();
    const { keys, change } = this.#table.changedAfter(this.#seenChange);
    for (const key of keys) this.#keys.set(key.record.id, key);
    this.#seenChange = change;
    this.#seenVersion = version;
    this.#lookedAtMs = this.#clock.monotonicMs();
  }

  #lookAgain(): void {
    try {
      this.#database.requireSameFile();
      if (this.#database.dataVersion() === this.#seenVersion)
        this.#lookedAtMs = this.#clock.monotonicMs();
      else this.#look();
    } catch {
      // Memory stays as it is; `find` turns into a fault when this lasts longer than the blind limit.
    }
  }

  #writeUses(): void {
    if (this.#unwrittenUses.size === 0) return;
    try {
      this.#database.write(() => {
        for (const id of this.#unwrittenUses) this.#table.noteUse(id, this.#uses.get(id) ?? 0);
      });
      this.#unwrittenUses.clear();
    } catch {
      // Another process holds the lock, or the disk is full: last uses are worth no request. Tried again in a minute.
    }
  }
}

function storedKey(record: KeyRecord, { secret }: KeyParts): StoredKey {
  return { record, secretSha256: hash("sha256", secret, "buffer") };
}
