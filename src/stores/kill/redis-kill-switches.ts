/**
 * Kill switches of all replicas: Redis carries them from one to the other, the embedded database of each machine keeps
 * them. What decides is always what this machine knows, so that a switch holds while Redis is away, after it was
 * flushed, and after a restart without it; a Redis that forgets never takes a switch off.
 */
import type { Clock } from "../../pipeline/stage.ts";
import type { KeyPrefix, RedisLink } from "../redis/redis-link.ts";
import {
  openEmbeddedKillSwitches,
  type EmbeddedKillSwitches,
  type EmbeddedKillSwitchesOptions,
  type HeardEntry,
  type RecordedKillSwitchStore,
} from "./embedded-kill-switches.ts";
import { RedisFollower } from "../redis/redis-follower.ts";
import { entryText, isForgotten, parseEntry, type KillEntry } from "./kill-entry.ts";
import type { KillEvent } from "./kill-event.ts";
import type { KillChange, KillDraft, KillSwitch } from "./kill-switch-store.ts";
import { MERGE, READ, readReply, type ReadReply } from "./redis-kill-scripts.ts";

/** The longest a change goes unnoticed when its message is lost, with the reading below the second that is promised. */
export const DEFAULT_REDIS_POLL_MS = 400;
/** Entries sent in one script: the server does nothing else meanwhile. About 0.2 ms. */
const ENTRIES_AT_ONCE = 100;
/** Entries told of; somebody who forges more has been noticed. */
const MAX_TOLD = 100;
/** Rounds of sending and reading for one look. More than one is needed only when others write at the same moment. */
const ROUNDS = 3;

export interface RedisKillSwitchesOptions extends EmbeddedKillSwitchesOptions {
  /** The store does not close it. */
  readonly link: RedisLink;
  readonly prefix: KeyPrefix;
  readonly redisPollMs?: number;
}

export interface SharedKillSwitchStore extends RecordedKillSwitchStore {
  /** Changes known here that Redis has not confirmed; they hold on this machine, and are sent until it does. */
  readonly unshared: number;
  /** Looks at Redis now; false when it did not answer. */
  synchronise(): Promise<boolean>;
}

/**
 * Opens the machine's file and looks at Redis once, so that the first request is decided by what all replicas know. With
 * Redis away it opens all the same, with what the file holds.
 */
export async function openRedisKillSwitches(
  options: RedisKillSwitchesOptions,
): Promise<SharedKillSwitchStore> {
  const local = openEmbeddedKillSwitches(options);
  const store = new RedisKillSwitches(local, options);
  await store.start();
  return store;
}

class RedisKillSwitches implements SharedKillSwitchStore {
  readonly #local: EmbeddedKillSwitches;
  readonly #options: RedisKillSwitchesOptions;
  readonly #link: RedisLink;
  readonly #clock: Clock;
  readonly #key: string;
  readonly #channel: string;
  readonly #follower: RedisFollower;
  #stopEntries: () => void = () => undefined;
  /** What Redis held at the last look: by id, whether it is off there. */
  #remote = new Map<string, boolean>();
  #version: string | undefined;
  #isClosed = false;
  #isTroubled = false;
  readonly #told = new Set<string>();

  constructor(local: EmbeddedKillSwitches, options: RedisKillSwitchesOptions) {
    this.#local = local;
    this.#options = options;
    this.#link = options.link;
    this.#clock = options.clock;
    this.#key = `${options.prefix}kill`;
    this.#channel = `${options.prefix}kill:changes`;
    this.#follower = new RedisFollower({
      link: options.link,
      channel: this.#channel,
      pollMs: options.redisPollMs ?? DEFAULT_REDIS_POLL_MS,
      look: () => this.#synchronise(),
    });
  }

  async start(): Promise<void> {
    await this.synchronise();
    if (!this.#options.isWatching) return;
    this.#stopEntries = this.#local.onEntries(() => void this.synchronise());
    this.#follower.start();
  }

  get active(): readonly KillSwitch[] {
    return this.#local.active;
  }

  get isBlind(): boolean {
    return this.#local.isBlind;
  }

  get unshared(): number {
    return this.#missing().length;
  }

  async on(draft: KillDraft): Promise<KillSwitch> {
    const killSwitch = await this.#local.on(draft);
    await this.synchronise();
    return killSwitch;
  }

  async off(id: string, by: string): Promise<boolean> {
    // Put on elsewhere a moment ago, perhaps, and not heard of here yet.
    if (!this.#local.has(id)) await this.synchronise();
    const isDone = await this.#local.off(id, by);
    if (isDone) await this.synchronise();
    return isDone;
  }

  onChange(listener: (change: KillChange) => void): () => void {
    return this.#local.onChange(listener);
  }

  pendingEvents(limit: number): readonly KillEvent[] {
    return this.#local.pendingEvents(limit);
  }

  confirmEvents(upToId: number): void {
    this.#local.confirmEvents(upToId);
  }

  synchronise(): Promise<boolean> {
    return this.#follower.look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopEntries();
    await this.#follower.close();
    this.#local.close();
  }

  async #synchronise(): Promise<boolean> {
    if (this.#isClosed) return false;
    try {
      // Sent first, where it is known what is missing: a switch that was just put on must not wait for a reading.
      if (this.#version !== undefined) await this.#send();
      for (let round = 0; round < ROUNDS; round++) {
        await this.#read();
        if (this.#missing().length === 0) break;
        await this.#send();
      }
      this.#isTroubled = false;
      return true;
    } catch (error) {
      // The link tells of a Redis that is away; what else is wrong with it would otherwise never be said.
      if (this.#link.state === "up" && !this.#isTroubled) {
        this.#options.onTrouble?.(
          "kill switches cannot be shared through Redis; they hold on this machine",
          error,
        );
        this.#isTroubled = true;
      }
      return false;
    }
  }

  async #send(): Promise<void> {
    const missing = this.#missing();
    const nowMs = this.#clock.nowMs();
    for (let at = 0; at < missing.length; at += ENTRIES_AT_ONCE) {
      const some = missing.slice(at, at + ENTRIES_AT_ONCE);
      const args = some.flatMap((entry) => [
        entry.killSwitch.id,
        entry.off ? "off" : "on",
        Math.max(0, Math.round(nowMs - entry.changedAtMs)),
        entryText(entry),
      ]);
      await this.#link.script(MERGE, [this.#key], [this.#channel, ...args]);
      for (const { killSwitch, off } of some) this.#remote.set(killSwitch.id, off !== undefined);
    }
  }

  async #read(): Promise<void> {
    const isFirst = this.#version === undefined;
    const askedAtMs = this.#clock.monotonicMs();
    const reply = readReply(await this.#link.script(READ, [this.#key], [this.#version ?? ""]));
    if (reply.fields === undefined || this.#isClosed) return;
    this.#remote = new Map(reply.fields.map(({ id, isOff }) => [id, isOff]));
    const { heard, useless } = this.#heard(reply);
    for (const id of useless) this.#remote.delete(id);
    const waitedMs = this.#clock.monotonicMs() - askedAtMs;
    this.#local.merge(
      heard.map(({ entry, changedAtMs }): HeardEntry => ({
        entry,
        // What was changed before this process could know of it took no time to get here.
        propagationMs: isFirst
          ? undefined
          : Math.max(0, reply.serverNowMs - changedAtMs) + waitedMs,
      })),
    );
    // Only now: what could not be written down is read again.
    this.#version = reply.version;
    if (useless.length > 0) await this.#link.command(this.#key, ["HDEL", this.#key, ...useless]);
  }

  #heard({ fields = [] }: ReadReply): {
    readonly heard: readonly { readonly entry: KillEntry; readonly changedAtMs: number }[];
    /** Entries that nobody needs any more, and unreadable ones in the place of those that are known here. */
    readonly useless: readonly string[];
  } {
    const nowMs = this.#clock.nowMs();
    const heard: { entry: KillEntry; changedAtMs: number }[] = [];
    const useless: string[] = [];
    for (const { id, isOff, changedAtMs, text } of fields) {
      const entry = parseEntry(text);
      if (entry?.killSwitch.id !== id || (entry.off !== undefined) !== isOff) {
        this.#tellOnce(id);
        if (this.#local.has(id)) useless.push(id);
        continue;
      }
      if (isForgotten(entry, nowMs)) useless.push(id);
      else heard.push({ entry, changedAtMs });
    }
    return { heard, useless };
  }

  /** All entries are read at each change: without this a single bad one would fill the log. */
  #tellOnce(id: string): void {
    if (this.#told.has(id) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(id);
    this.#options.onTrouble?.(
      "Redis holds a kill switch that cannot be read",
      JSON.stringify(id.slice(0, 40)),
    );
  }

  /** What is known here and not there. */
  #missing(): KillEntry[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#local.entries()].filter((entry) => {
      const isOffThere = this.#remote.get(entry.killSwitch.id);
      const isMissing = isOffThere === undefined || (entry.off !== undefined && !isOffThere);
      return isMissing && !isForgotten(entry, nowMs);
    });
  }
}
