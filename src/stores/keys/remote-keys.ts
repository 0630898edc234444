/**
 * What Redis holds of API keys, as far as this process has read: it reads changes, or all keys where it cannot be sure to
 * know every change. What it remembers is only ever used to tell what Redis lacks, never to let anybody in.
 */
import type { KeyPrefix, RedisLink } from "../redis/redis-link.ts";
import type { KeyEnd } from "./key-end.ts";
import { keyText } from "./key-entry.ts";
import type { StoredKey } from "./key-store.ts";
import {
  MERGE,
  READ_CHANGES,
  READ_SOME,
  readChangesReply,
  readSomeReply,
  type ChangesReply,
  type RemoteKey,
} from "./redis-key-scripts.ts";

/** Keys sent in one script: the server does nothing else meanwhile. About 0.2 ms. */
const KEYS_AT_ONCE = 100;
/** Twice what a machine takes. More lets whoever can write to Redis fill the memory of every replica. */
const MAX_ENTRIES = 200_000;
/** How often some keys are looked at again, in turn, in case values were changed past the history; 10,000 take 4 minutes. */
const REVIEW_EVERY_MS = 5_000;

/** What takes in keys that were read. When it throws they are read again. */
export type TakeKeys = (keys: readonly RemoteKey[]) => void;

export class RemoteKeys {
  readonly channel: string;
  readonly #link: RedisLink;
  readonly #monotonicMs: () => number;
  readonly #names: readonly [hash: string, log: string];
  /** By id; undefined for an entry that cannot be read. */
  #ends = new Map<string, KeyEnd | undefined>();
  /** The last change that was read; undefined until all keys were. */
  #seen: string | undefined;
  #reviewedAtMs = 0;
  #reviewCursor = "0";

  constructor(
    link: RedisLink,
    { prefix, monotonicMs }: { readonly prefix: KeyPrefix; readonly monotonicMs: () => number },
  ) {
    this.#link = link;
    this.#monotonicMs = monotonicMs;
    this.#names = [`${prefix}keys`, `${prefix}keys:log`];
    this.channel = `${prefix}keys:changes`;
  }

  /** Whether it is known what Redis holds. */
  get isKnown(): boolean {
    return this.#seen !== undefined;
  }

  endOf(id: string): KeyEnd | undefined {
    return this.#ends.get(id);
  }

  /** Reads what is new; true when that was all keys, so that what Redis lacks may be anything. */
  async read(take: TakeKeys): Promise<boolean> {
    for (;;) {
      const reply = await this.#changes();
      if (this.#seen === undefined || reply.upTo === "all") {
        await this.#readAll(reply.last, take);
        return true;
      }
      this.#take(reply.keys, take);
      this.#seen = reply.upTo ?? reply.last;
      if (this.#seen !== reply.last) continue;
      if (reply.count === this.#ends.size) {
        await this.#review(take);
        return false;
      }
      // Flushed, evicted or removed by hand: not even the history tells.
      await this.#readAll(reply.last, take);
      return true;
    }
  }

  /** Puts these keys there, or the earlier ends of those that are there. `unreadable`: ids of entries to be replaced. */
  async merge(keys: readonly StoredKey[], unreadable: ReadonlySet<string>): Promise<void> {
    for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
      const some = keys.slice(at, at + KEYS_AT_ONCE);
      const args = some.flatMap((key) => {
        const { id, expiresAtMs, revokedAtMs } = key.record;
        const how = unreadable.has(id) ? "replace" : "merge";
        return [id, how, expiresAtMs, revokedAtMs ?? "", keyText(key)];
      });
      await this.#link.script(MERGE, this.#names, [this.channel, ...args]);
      for (const { record } of some) this.#ends.set(record.id, record);
    }
  }

  async #changes(): Promise<ChangesReply> {
    const seen = this.#seen ?? "0-0";
    return readChangesReply(await this.#link.script(READ_CHANGES, this.#names, [seen]));
  }

  /** Keys that change meanwhile may be missed here; they are changes after `last`. */
  async #readAll(last: string, take: TakeKeys): Promise<void> {
    this.#seen = undefined;
    this.#ends = new Map();
    let cursor = "0";
    do {
      cursor = await this.#readSome(cursor, take);
      if (this.#ends.size > MAX_ENTRIES)
        throw new Error(`there are more than ${MAX_ENTRIES} entries in ${this.#names[0]}`);
    } while (cursor !== "0");
    this.#seen = last;
    this.#reviewedAtMs = this.#monotonicMs();
  }

  /** A few at a time: a revocation must not wait until all were read. */
  async #review(take: TakeKeys): Promise<void> {
    if (this.#monotonicMs() - this.#reviewedAtMs < REVIEW_EVERY_MS) return;
    this.#reviewCursor = await this.#readSome(this.#reviewCursor, take);
    this.#reviewedAtMs = this.#monotonicMs();
  }

  async #readSome(from: string, take: TakeKeys): Promise<string> {
    const reply = await this.#link.script(READ_SOME, [this.#names[0]], [from]);
    const { cursor, keys } = readSomeReply(reply);
    this.#take(keys, take);
    return cursor;
  }

  #take(keys: readonly RemoteKey[], take: TakeKeys): void {
    // First, so that what is taken in is not thought to be unknown there.
    for (const { id, end } of keys) this.#ends.set(id, end);
    take(keys);
  }
}
