/**
 * All switches that a process knows, and those in effect: one array that is the same until something changes, so that
 * whoever decides compares one reference. It must never drop a switch because a clock jumped: time is read at each look.
 */
import { isInEffect, isNews, type KillEntry } from "./kill-entry.ts";
import type { KillChange, KillSwitch } from "./kill-switch-store.ts";

const NONE: readonly KillSwitch[] = Object.freeze([]);

/** What began or ended with a look, and the entry that says why. */
export interface Turned {
  readonly kind: KillChange["kind"];
  readonly entry: KillEntry;
}

export class KillBook {
  readonly #entries = new Map<string, KillEntry>();
  #active: readonly KillSwitch[] = NONE;
  /** When the first of those in effect expires. */
  #nextExpiryMs = Infinity;
  #lookedAtMs = -Infinity;

  get active(): readonly KillSwitch[] {
    return this.#active;
  }

  entries(): Iterable<KillEntry> {
    return this.#entries.values();
  }

  find(id: string): KillEntry | undefined {
    return this.#entries.get(id);
  }

  /** Notes what was heard; true when it was news. It takes effect with the next `look`. */
  take(heard: KillEntry): boolean {
    const { id } = heard.killSwitch;
    if (!isNews(heard, this.#entries.get(id))) return false;
    this.#entries.set(id, heard);
    return true;
  }

  forget(id: string): void {
    this.#entries.delete(id);
  }

  /** Whether time alone has changed what is in effect: something expired, or the clock was set back. */
  isDue(nowMs: number): boolean {
    const isDue = nowMs >= this.#nextExpiryMs || nowMs < this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    return isDue;
  }

  /** Brings `active` up to date and tells what turned. */
  look(nowMs: number): Turned[] {
    const before = new Set(this.#active.map(({ id }) => id));
    const inEffect = [...this.#entries.values()].filter((entry) => isInEffect(entry, nowMs));
    const now = new Set(inEffect.map(({ killSwitch }) => killSwitch.id));
    const turned: Turned[] = [];
    for (const id of before) {
      const entry = this.#entries.get(id);
      if (entry && !now.has(id)) turned.push({ kind: entry.off ? "off" : "expired", entry });
    }
    for (const entry of inEffect)
      if (!before.has(entry.killSwitch.id)) turned.push({ kind: "on", entry });
    this.#lookedAtMs = nowMs;
    if (turned.length === 0) return turned;
    this.#active = Object.freeze(inEffect.map(({ killSwitch }) => killSwitch).toSorted(byCreation));
    this.#nextExpiryMs = Infinity;
    for (const { expiresAtMs = Infinity } of this.#active)
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiresAtMs);
    return turned;
  }
}

const byCreation = (a: KillSwitch, b: KillSwitch): number =>
  a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1);
