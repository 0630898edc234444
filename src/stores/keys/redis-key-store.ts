/**
 * API keys of all replicas: Redis carries them from one to the other, the embedded database of each machine keeps them.
 * What decides is always what this machine knows, so that keys work and revocations hold while Redis is away, after it
 * was flushed, and after a restart without it; nothing that lies in Redis brings a revoked key back.
 */
import type { KeyPrefix, RedisLink } from "../redis/redis-link.ts";
import { StoreUnavailable } from "../store-unavailable.ts";
import {
  openEmbeddedKeyStore,
  type EmbeddedKeyStore,
  type EmbeddedKeyStoreOptions,
} from "./embedded-key-store.ts";
import { earlierEnd, isNews } from "./key-end.ts";
import { keyText, parseKeyEntry } from "./key-entry.ts";
import type { KeyEvent } from "./key-event.ts";
import type {
  IssuedKey,
  KeyDraft,
  KeyRecord,
  KeyStore,
  ListedKey,
  RotationOptions,
  StoredKey,
} from "./key-store.ts";
import { RedisFollower } from "../redis/redis-follower.ts";
import type { RemoteKey } from "./redis-key-scripts.ts";
import { RemoteKeys } from "./remote-keys.ts";

/** The longest a change goes unnoticed when its message is lost, with the reading below the second that is promised. */
const DEFAULT_REDIS_KEY_POLL_MS = 400;
/** A command that does not speak to Redis leaves its change in the file: both polls together stay below a second. */
const SHARED_FILE_POLL_MS = 200;
/** Rounds of sending and reading for one look. More than one is needed only when others write at the same moment. */
const ROUNDS = 3;
/** Keys above that number are not taken from Redis. More lets a forger fill this machine's memory and disk. */
const MAX_KEYS = 100_000;
/** Entries told of; somebody who forges more has been noticed. */
const MAX_TOLD = 100;

export interface SharedKeyStoreOptions extends EmbeddedKeyStoreOptions {
  /** The store does not close it. */
  readonly link: RedisLink;
  readonly prefix: KeyPrefix;
  readonly redisPollMs?: number;
  /** Told when keys cannot be shared, and once of each entry in Redis that is refused; the text is for the operator. */
  readonly onTrouble?: (message: string, error: unknown) => void;
}

export interface SharedKeyStore extends KeyStore {
  /** Looks at Redis now; false when it does not yet have all that this machine knows. Never rejects. */
  synchronise(): Promise<boolean>;
}

/**
 * Opens the machine's file and looks at Redis once, so that the first request is decided by what all replicas know. With
 * Redis away it opens all the same, with what the file holds.
 */
export async function openSharedKeyStore(options: SharedKeyStoreOptions): Promise<SharedKeyStore> {
  const local = openEmbeddedKeyStore({ pollMs: SHARED_FILE_POLL_MS, ...options });
  const store = new RedisKeyStore(local, options);
  await store.start();
  return store;
}

class RedisKeyStore implements SharedKeyStore {
  readonly #local: EmbeddedKeyStore;
  readonly #options: SharedKeyStoreOptions;
  readonly #remote: RemoteKeys;
  readonly #follower: RedisFollower;
  /** Ids of keys that Redis may lack, or know with a later end. */
  #pending = new Set<string>();
  /** Ids of keys whose entry in Redis cannot be read. */
  readonly #unreadable = new Set<string>();
  readonly #told = new Set<string>();
  #isTroubled = false;
  #isClosed = false;

  constructor(local: EmbeddedKeyStore, options: SharedKeyStoreOptions) {
    const { link, prefix, clock, redisPollMs = DEFAULT_REDIS_KEY_POLL_MS } = options;
    this.#local = local;
    this.#options = options;
    this.#remote = new RemoteKeys(link, { prefix, monotonicMs: () => clock.monotonicMs() });
    this.#follower = new RedisFollower({
      link,
      channel: this.#remote.channel,
      pollMs: redisPollMs,
      look: () => this.#look(),
    });
    local.onChanged((keys) => this.#changed(keys));
  }

  async start(): Promise<void> {
    await this.synchronise();
    if (this.#options.isWatching && !this.#isClosed) this.#follower.start();
  }

  create(draft: KeyDraft): IssuedKey {
    return this.#local.create(draft);
  }

  list(): readonly ListedKey[] {
    return this.#local.list();
  }

  revoke(id: string): KeyRecord {
    return this.#local.revoke(id);
  }

  rotate(id: string, options?: RotationOptions): IssuedKey {
    return this.#local.rotate(id, options);
  }

  find(id: string): StoredKey | undefined {
    return this.#local.find(id);
  }

  touch(id: string, nowMs: number): void {
    this.#local.touch(id, nowMs);
  }

  pendingEvents(limit: number): readonly KeyEvent[] {
    return this.#local.pendingEvents(limit);
  }

  confirmEvents(upToId: number): void {
    this.#local.confirmEvents(upToId);
  }

  synchronise(): Promise<boolean> {
    return this.#follower.look();
  }

  close(): void {
    this.#isClosed = true;
    void this.#follower.close();
    this.#local.close();
  }

  /** Whoever changed them: a command here, another process that has the file open, or what was just read. */
  #changed(keys: readonly StoredKey[]): void {
    for (const { record } of keys) if (this.#lacks(record)) this.#pending.add(record.id);
    if (this.#pending.size > 0) void this.#follower.look();
  }

  async #look(): Promise<boolean> {
    try {
      // Sent first, where it is known what is missing: a revocation must not wait for a reading.
      if (this.#remote.isKnown) await this.#send();
      for (let round = 0; round < ROUNDS; round++) {
        if (await this.#remote.read((keys) => this.#take(keys))) this.#lookAtAll();
        if (this.#pending.size === 0) break;
        await this.#send();
      }
      this.#isTroubled = false;
      return this.#pending.size === 0;
    } catch (error) {
      if (!this.#isClosed) this.#tellTrouble(error);
      return false;
    }
  }

  /** The link tells of a Redis that does not answer; what else is wrong would otherwise never be said. */
  #tellTrouble(error: unknown): void {
    if (error instanceof StoreUnavailable || this.#isTroubled) return;
    this.#isTroubled = true;
    this.#options.onTrouble?.(
      "API keys cannot be shared through Redis; what this machine knows holds on it",
      error,
    );
  }

  async #send(): Promise<void> {
    const ids = this.#pending;
    this.#pending = new Set();
    try {
      const nowMs = this.#options.clock.nowMs();
      const keys = [...ids]
        .map((id) => this.#local.known.get(id))
        .filter((key): key is StoredKey => key !== undefined && this.#lacks(key.record))
        .filter((key) => this.#isFit(key, nowMs));
      await this.#remote.merge(keys, this.#unreadable);
      for (const { record } of keys) this.#unreadable.delete(record.id);
    } catch (error) {
      for (const id of ids) this.#pending.add(id);
      throw error;
    }
  }

  /** What other replicas would refuse is not put before them. */
  #isFit(key: StoredKey, nowMs: number): boolean {
    if (parseKeyEntry(keyText(key), key.record, nowMs)) return true;
    this.#tellOnce(
      key.record.id,
      "an API key of this machine cannot be shared: no release makes such keys now; create a new one",
    );
    return false;
  }

  #lacks(record: KeyRecord): boolean {
    return this.#unreadable.has(record.id) || isNews(record, this.#remote.endOf(record.id));
  }

  #lookAtAll(): void {
    for (const { record } of this.#local.known.values())
      if (this.#lacks(record)) this.#pending.add(record.id);
  }

  /** Takes what was read into the file, and notes what it shows that Redis lacks. */
  #take(remote: readonly RemoteKey[]): void {
    if (this.#isClosed) throw new Error("the store was closed");
    const { known } = this.#local;
    const heard = new Map<string, StoredKey>();
    for (const one of remote) {
      const key = this.#heard(one);
      if (key === undefined) continue;
      const isNew = !known.has(one.id) && !heard.has(one.id);
      if (isNew && known.size + heard.size >= MAX_KEYS)
        this.#tellOnce("", `there are more than ${MAX_KEYS} API keys; new ones are not taken`);
      else heard.set(one.id, key);
    }
    this.#local.merge([...heard.values()]);
    for (const { id, end } of remote) {
      const key = known.get(id);
      if (key && (this.#unreadable.has(id) || isNews(key.record, end))) this.#pending.add(id);
    }
  }

  /** The key as it is to be merged; undefined when the entry is refused. */
  #heard({ id, end, text }: RemoteKey): StoredKey | undefined {
    const known = this.#local.known.get(id);
    const key = end && parseKeyEntry(text, end, this.#options.clock.nowMs());
    if (key?.record.id !== id) {
      this.#tellOnce(id, "Redis holds an API key that cannot be read; it is not taken");
      if (known) this.#unreadable.add(id);
      return undefined;
    }
    this.#unreadable.delete(id);
    if (known === undefined || keyText(known) === keyText(key)) return key;
    // Whichever is forged, an earlier end of either is safe to take.
    this.#tellOnce(
      id,
      "Redis holds another API key under an id that is known; only its end counts",
    );
    return { ...known, record: { ...known.record, ...earlierEnd(known.record, key.record) } };
  }

  #tellOnce(id: string, message: string): void {
    if (this.#told.has(id) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(id);
    this.#options.onTrouble?.(message, new Error(JSON.stringify(id.slice(0, 40))));
  }
}
