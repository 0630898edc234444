/**
 * API keys in the embedded database. A gateway keeps all of them in memory and looks for other processes' changes
 * twice a second; commands open the same file, write and leave. A lookup never touches the disk.
 */
import { hash } from "node:crypto";
import { Fault } from "../../pipeline/rejection.ts";
import type { Clock } from "../../pipeline/stage.ts";
import { EmbeddedDatabase } from "../embedded-database.ts";
import { expiryOf, requireSoundDraft } from "./key-draft.ts";
import { earlierEnd, isNews, type KeyEnd } from "./key-end.ts";
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
import { KeyUses, USE_GRAIN_MS } from "./key-uses.ts";

/** Half a second: the longest a revoked key goes on working in another process. */
export const DEFAULT_POLL_MS = 500;
/** A gateway never blocks its requests longer than this for another process's write. */
const WATCHING_LOCK_WAIT_MS = 250;
/** Pause before keys of other machines are written again to a file that could not be written: each try may wait for the lock. */
const WRITE_PAUSE_MS = 5_000;
/** After a minute without a look at the file, answering from memory would mean ignoring revocations: fail closed. */
export const DEFAULT_BLIND_LIMIT_MS = 60_000;

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

export function openEmbeddedKeyStore(options: EmbeddedKeyStoreOptions): EmbeddedKeyStore {
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

/** Use `openEmbeddedKeyStore`. */
export class EmbeddedKeyStore implements KeyStore {
  readonly #database: EmbeddedDatabase;
  readonly #table: KeyTable;
  readonly #events: KeyEventTable;
  readonly #operator: string | undefined;
  readonly #clock: Clock;
  readonly #blindLimitMs: number;
  readonly #keys = new Map<string, StoredKey>();
  readonly #uses = new KeyUses();
  readonly #timers: NodeJS.Timeout[] = [];
  #onChanged: (keys: readonly StoredKey[]) => void = () => undefined;
  /** Ids of keys whose earlier end was heard of and holds here, but is not on the disk yet. */
  readonly #unwritten = new Set<string>();
  #mayMergeAtMs = -Infinity;
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
      return { ...key, lastUsedAtMs: this.#uses.latest(key.id, key.lastUsedAtMs) };
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
    this.#uses.note(id, nowMs);
  }

  /** All keys as this process knows them, by id; revoked and expired ones too. */
  get known(): ReadonlyMap<string, StoredKey> {
    return this.#keys;
  }

  /** Tells of keys that are new or have another end, whoever wrote them. One listener. */
  onChanged(listener: (keys: readonly StoredKey[]) => void): void {
    this.#onChanged = listener;
  }

  /**
   * Takes in keys of other machines: those that are not known, and ends that are earlier. On disk when it returns; when it
   * throws the ends hold all the same, since a full disk must not let in whom others have shut out, and all is to be heard
   * again. No event is written: the machine where the command was given has it.
   */
  merge(heard: readonly StoredKey[]): void {
    const news = heard
      .filter(
        ({ record: { id }, record }) =>
          isNews(record, this.#keys.get(id)?.record) || this.#unwritten.has(id),
      )
      .map((key) => this.#withUnwrittenEnd(key));
    if (news.length === 0) return;
    try {
      this.#writeMerged(news);
    } catch (error) {
      for (const { record } of news) this.#endUnwritten(record);
      throw error;
    }
    for (const { record } of news) this.#unwritten.delete(record.id);
    this.#look();
  }

  #writeMerged(news: readonly StoredKey[]): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#mayMergeAtMs) throw new Error("the file could not be written a moment ago");
    this.#mayMergeAtMs = nowMs + WRITE_PAUSE_MS;
    this.#database.requireSameFile();
    this.#database.write(() => {
      for (const key of news) {
        const { id } = key.record;
        const known = this.#table.find(id);
        if (known === undefined) this.#table.insert(key);
        else if (isNews(key.record, known.record))
          this.#table.end(id, earlierEnd(key.record, known.record));
      }
    });
    this.#mayMergeAtMs = -Infinity;
  }

  #withUnwrittenEnd(key: StoredKey): StoredKey {
    const { id } = key.record;
    const known = this.#unwritten.has(id) ? this.#keys.get(id) : undefined;
    return known ? withEnd(key, known.record) : key;
  }

  #endUnwritten(heard: KeyRecord): void {
    const known = this.#keys.get(heard.id);
    if (known === undefined) return;
    this.#unwritten.add(heard.id);
    this.#keys.set(heard.id, withEnd(known, heard));
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
    for (const key of keys) this.#keys.set(key.record.id, this.#withUnwrittenEnd(key));
    this.#seenChange = change;
    this.#seenVersion = version;
    this.#lookedAtMs = this.#clock.monotonicMs();
    if (keys.length > 0) this.#onChanged(keys);
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
    try {
      this.#uses.flush((uses) =>
        this.#database.write(() => {
          for (const [id, usedAtMs] of uses) this.#table.noteUse(id, usedAtMs);
        }),
      );
    } catch {
      // Another process holds the lock, or the disk is full: last uses are worth no request. Tried again in a minute.
    }
  }
}

/** The key with the earlier of both ends. */
function withEnd(key: StoredKey, end: KeyEnd): StoredKey {
  const record = Object.freeze({ ...key.record, ...earlierEnd(key.record, end) });
  return Object.freeze({ ...key, record });
}

function storedKey(record: KeyRecord, { secret }: KeyParts): StoredKey {
  return { record, secretSha256: hash("sha256", secret, "buffer") };
}
