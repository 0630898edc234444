/**
 * Kill switches in the embedded database: on disk before they are reported, in memory where requests ask. Every process
 * of the machine that has the file open follows the others; what one of them shuts is shut in all within moments.
 */
import type { Clock } from "../../pipeline/stage.ts";
import { EmbeddedDatabase } from "../embedded-database.ts";
import { KillBook, type Turned } from "./kill-book.ts";
import {
  KillRequestRefused,
  MAX_SWITCHES,
  requireAuthor,
  requireSoundDraft,
  switchOf,
} from "./kill-draft.ts";
import { isForgotten, isInEffect, isNews, type KillEntry } from "./kill-entry.ts";
import type { KillEvent, KillEventOutbox } from "./kill-event.ts";
import type { KillChange, KillDraft, KillSwitch, KillSwitchStore } from "./kill-switch-store.ts";
import { KillTable } from "./kill-table.ts";

/** Half of what is promised, 50 ms, less the time to look. A look takes about 5 microseconds; lower costs more of them. */
export const DEFAULT_KILL_POLL_MS = 20;
/** Looks between two of what takes longer: is it still the same file, has something expired unsaid. Half a second. */
const LOOKS_BETWEEN_CHORES = 25;
/** A gateway never blocks its requests longer than this for another process's write. */
const WATCHING_LOCK_WAIT_MS = 250;
/**
 * Pause before the gateway writes by itself again to a file that could not be written: each try may wait for the lock,
 * and requests with it. Orders of operators are tried at once. Lower stalls more; higher records later.
 */
const WRITE_PAUSE_MS = 5_000;
/** After so long without a look at the file its switches may be out of date, and somebody has to know. */
const BLIND_AFTER_MS = 10_000;

export interface EmbeddedKillSwitchesOptions {
  readonly path: string;
  readonly clock: Clock;
  /** True in a gateway: follow changes by other processes, and time. False in a command. */
  readonly isWatching: boolean;
  readonly pollMs?: number;
  /** Told once when the file cannot be followed, until it can be again; the text is for the operator. */
  readonly onTrouble?: (message: string, error: unknown) => void;
}

/** A store whose changes are kept for the ledger until they are confirmed. */
export interface RecordedKillSwitchStore extends KillSwitchStore, KillEventOutbox {
  /** Whether changes by others can no longer be seen; those that are known still hold. */
  readonly isBlind: boolean;
}

/** What was heard from elsewhere. */
export interface HeardEntry {
  readonly entry: KillEntry;
  readonly propagationMs: number | undefined;
}

/** Throws with a text for the operator when the file cannot be trusted or used. */
export function openEmbeddedKillSwitches(
  options: EmbeddedKillSwitchesOptions,
): EmbeddedKillSwitches {
  const database = EmbeddedDatabase.open({ path: options.path });
  try {
    const store = new EmbeddedKillSwitches(database, options);
    // Only now: making the tables is worth the full wait even in a gateway, as it happens before the first request.
    if (options.isWatching) database.setLockWait(WATCHING_LOCK_WAIT_MS);
    return store;
  } catch (error) {
    database.close();
    throw error;
  }
}

export class EmbeddedKillSwitches implements RecordedKillSwitchStore {
  readonly #database: EmbeddedDatabase;
  readonly #table: KillTable;
  readonly #options: EmbeddedKillSwitchesOptions;
  readonly #clock: Clock;
  readonly #book = new KillBook();
  readonly #listeners = new Set<(change: KillChange) => void>();
  readonly #entryListeners = new Set<() => void>();
  /** Ids of what was heard from elsewhere and is in effect, but not on the disk yet. */
  readonly #unwritten = new Set<string>();
  readonly #timer: NodeJS.Timeout | undefined;
  #seenChange = 0;
  #seenVersion = -1;
  #seenAtMs = 0;
  #mayWriteAtMs = -Infinity;
  #untilChores = LOOKS_BETWEEN_CHORES;
  #isTroubled = false;

  /** Use `openEmbeddedKillSwitches`. */
  constructor(database: EmbeddedDatabase, options: EmbeddedKillSwitchesOptions) {
    this.#database = database;
    this.#table = new KillTable(database);
    this.#options = options;
    this.#clock = options.clock;
    this.#look();
    if (!options.isWatching) return;
    this.#forgetOld();
    this.#noteExpired();
    const pollMs = options.pollMs ?? DEFAULT_KILL_POLL_MS;
    this.#timer = setInterval(() => this.#lookAgain(), pollMs).unref();
  }

  get active(): readonly KillSwitch[] {
    return this.#book.active;
  }

  get isBlind(): boolean {
    return this.#options.isWatching && this.#clock.monotonicMs() - this.#seenAtMs > BLIND_AFTER_MS;
  }

  // oxlint-disable-next-line require-await -- a refused draft rejects as every store's does
  async on(draft: KillDraft): Promise<KillSwitch> {
    const nowMs = this.#clock.nowMs();
    const sound = requireSoundDraft(draft, nowMs);
    if (this.active.length >= MAX_SWITCHES)
      throw new KillRequestRefused(`there are ${MAX_SWITCHES} kill switches: take some off`);
    const killSwitch = switchOf(sound, nowMs);
    const entry = { killSwitch, changedAtMs: nowMs, off: undefined };
    this.#write([{ entry, propagationMs: undefined }], true);
    return killSwitch;
  }

  // oxlint-disable-next-line require-await -- see `on`
  async off(id: string, by: string): Promise<boolean> {
    requireAuthor(by);
    this.#look();
    const known = this.#book.find(id);
    const atMs = this.#clock.nowMs();
    if (known === undefined || !isInEffect(known, atMs)) return false;
    const entry = { ...known, changedAtMs: atMs, off: { atMs, by } };
    this.#write([{ entry, propagationMs: undefined }], true);
    return true;
  }

  onChange(listener: (change: KillChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether the switch is remembered, on or off. */
  has(id: string): boolean {
    return this.#book.find(id) !== undefined;
  }

  /** Every switch that is remembered, also those that are off. */
  entries(): Iterable<KillEntry> {
    return this.#book.entries();
  }

  /** Tells that `entries` has news, whoever wrote them; returns what ends it. */
  onEntries(listener: () => void): () => void {
    this.#entryListeners.add(listener);
    return () => this.#entryListeners.delete(listener);
  }

  /**
   * Takes in what was heard from elsewhere. On disk and in effect when it returns; when it throws it is in effect all the
   * same, since a full disk must not keep open what others have shut, and is to be heard again.
   */
  merge(heard: readonly HeardEntry[]): void {
    const nowMs = this.#clock.nowMs();
    const isNew = (entry: KillEntry): boolean =>
      isNews(entry, this.#book.find(entry.killSwitch.id)) && !isForgotten(entry, nowMs);
    const news = heard.flatMap((one): HeardEntry[] => {
      const { id } = one.entry.killSwitch;
      if (isNew(one.entry)) return [one];
      const unwritten = this.#unwritten.has(id) ? this.#book.find(id) : undefined;
      return unwritten ? [{ ...one, entry: unwritten }] : [];
    });
    if (news.length === 0) return;
    try {
      this.#requireWritable();
      this.#write(news, false);
      for (const { entry } of news) this.#unwritten.delete(entry.killSwitch.id);
    } catch (error) {
      this.#pauseWriting();
      for (const { entry } of news) {
        this.#book.take(entry);
        this.#unwritten.add(entry.killSwitch.id);
      }
      const propagation = news.map((one) => [one.entry.killSwitch.id, one.propagationMs] as const);
      this.#tell(this.#book.look(nowMs), new Map(propagation));
      throw error;
    }
  }

  pendingEvents(limit: number): readonly KillEvent[] {
    return this.#table.pendingEvents(limit);
  }

  confirmEvents(upToId: number): void {
    this.#database.write(() => this.#table.confirmEvents(upToId));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
    this.#entryListeners.clear();
    this.#database.close();
  }

  get #mayWrite(): boolean {
    return this.#clock.monotonicMs() >= this.#mayWriteAtMs;
  }

  #requireWritable(): void {
    if (!this.#mayWrite) throw new Error("the file could not be written a moment ago");
  }

  #pauseWriting(): void {
    if (this.#mayWrite) this.#mayWriteAtMs = this.#clock.monotonicMs() + WRITE_PAUSE_MS;
  }

  /** Writes what is news to the file too, with its events, and then takes it in from there with all else that is new. */
  #write(heard: readonly HeardEntry[], isFromHere: boolean): void {
    const propagation = new Map<string, number | undefined>();
    this.#database.requireSameFile();
    this.#database.write(() => {
      for (const { entry, propagationMs } of heard) {
        const { id } = entry.killSwitch;
        if (!isNews(entry, this.#table.find(id))) continue;
        this.#table.put({ entry, isFromHere });
        this.#table.note(eventOf(entry, propagationMs));
        if (!isFromHere) propagation.set(id, propagationMs);
      }
    });
    this.#look(propagation);
  }

  /** Takes in every change since the last look. The version is read first: what changes meanwhile is seen next time. */
  #look(propagation?: ReadonlyMap<string, number | undefined>): void {
    const version = this.#database.dataVersion();
    const { entries, change } = this.#table.changedAfter(this.#seenChange);
    const heard = new Map<string, number | undefined>(propagation);
    const nowMs = this.#clock.nowMs();
    for (const { entry, isFromHere } of entries) {
      const { id } = entry.killSwitch;
      this.#book.take(entry);
      // The time of a change elsewhere is by another machine's clock: only who brought it knows how long it took.
      if (!heard.has(id) && isFromHere) heard.set(id, Math.max(0, nowMs - entry.changedAtMs));
    }
    this.#seenChange = change;
    this.#seenVersion = version;
    this.#seenAtMs = this.#clock.monotonicMs();
    this.#tell(this.#book.look(nowMs), heard);
    if (entries.length > 0) for (const listener of this.#entryListeners) listener();
  }

  #tell(turned: readonly Turned[], propagation: ReadonlyMap<string, number | undefined>): void {
    for (const { kind, entry } of turned) {
      const { killSwitch, off } = entry;
      const propagationMs = kind === "expired" ? undefined : propagation.get(killSwitch.id);
      const by = kind === "on" ? killSwitch.author : off?.by;
      for (const listener of this.#listeners) listener({ kind, killSwitch, by, propagationMs });
    }
  }

  #lookAgain(): void {
    try {
      if (this.#database.dataVersion() !== this.#seenVersion) this.#look();
      else if (this.#book.isDue(this.#clock.nowMs()))
        this.#tell(this.#book.look(this.#clock.nowMs()), new Map());
      this.#untilChores -= 1;
      if (this.#untilChores > 0) {
        this.#seenAtMs = this.#clock.monotonicMs();
        return;
      }
      this.#untilChores = LOOKS_BETWEEN_CHORES;
      this.#database.requireSameFile();
      this.#seenAtMs = this.#clock.monotonicMs();
      this.#isTroubled = false;
    } catch (error) {
      // Memory stays as it is: what is shut stays shut.
      if (!this.#isTroubled)
        this.#options.onTrouble?.(
          "the store of kill switches cannot be followed; those that are known still hold",
          error,
        );
      this.#isTroubled = true;
      return;
    }
    try {
      if (this.#mayWrite) this.#noteExpired();
    } catch {
      this.#pauseWriting();
      // Another process holds the lock, or the disk is full. It is on record as soon as it can be written.
    }
  }

  /** One process of the machine says of each switch that its time is over. */
  #noteExpired(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#table.expiredUntold(nowMs).length === 0) return;
    this.#database.write(() => {
      for (const { killSwitch } of this.#table.expiredUntold(nowMs)) {
        const atMs = killSwitch.expiresAtMs ?? nowMs;
        this.#table.note({
          event: "expired",
          killSwitch,
          atMs,
          by: undefined,
          propagationMs: undefined,
        });
        this.#table.markExpiryTold(killSwitch.id);
      }
    });
  }

  #forgetOld(): void {
    const nowMs = this.#clock.nowMs();
    const old = [...this.#book.entries()].filter((entry) => isForgotten(entry, nowMs));
    if (old.length === 0) return;
    this.#database.write(() => {
      for (const { killSwitch } of old) this.#table.delete(killSwitch.id);
    });
    for (const { killSwitch } of old) this.#book.forget(killSwitch.id);
  }
}

function eventOf(entry: KillEntry, propagationMs: number | undefined): Omit<KillEvent, "id"> {
  const { killSwitch, off, changedAtMs } = entry;
  return {
    event: off ? "off" : "on",
    killSwitch,
    atMs: changedAtMs,
    by: off ? off.by : killSwitch.author,
    propagationMs,
  };
}
