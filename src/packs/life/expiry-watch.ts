/**
 * What time does to packs: said a week and a day before the active one ends, and when it has; a candidate that ends
 * leaves. It must never keep a pack alive, and replaces none.
 */
import type { ConstitutionEvent } from "./constitution-event.ts";
import { isRefusal } from "./life-error.ts";
import { nameOf, type LoadedPack } from "./loaded-pack.ts";
import type { Seats } from "./seats.ts";
import type { SerialQueue } from "./serial-queue.ts";

const DAY_MS = 86_400_000;

/** A week to sign a new release in working hours; a day for whoever overslept that. Narrowest first. */
const WARNING_DAYS = [1, 7] as const;

/** How often it is looked at. A timer until the end itself would overflow: Node's reach 24 days. */
const LOOK_INTERVAL_MS = 60_000;

export interface ExpiryWatchOptions {
  readonly seats: Seats;
  readonly queue: SerialQueue;
  readonly nowMs: () => number;
  readonly onEvent: (event: ConstitutionEvent) => void;
}

export class ExpiryWatch {
  readonly #options: ExpiryWatchOptions;
  readonly #timer: NodeJS.Timeout;
  /** Of the active pack that warnings are about, and the nearest one said. */
  #warnedBlake3: string | undefined;
  #warnedDays = Number.POSITIVE_INFINITY;
  /** Of the active pack whose end has been told. */
  #endedBlake3: string | undefined;

  constructor(options: ExpiryWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { seats, nowMs } = this.#options;
    const { serving } = seats;
    const atMs = nowMs();
    this.#warn(serving.active.loaded, atMs);
    if (serving.isExpiredAt(atMs / 1_000)) this.tellEnded();
    if (serving.isCandidateExpiredAt(atMs / 1_000)) this.#dropCandidate();
  }

  /** Once for each pack. */
  tellEnded(): void {
    const { seats, onEvent } = this.#options;
    const { loaded } = seats.serving.active;
    const { blake3, expiresMs } = loaded;
    if (this.#endedBlake3 === blake3 || expiresMs === undefined) return;
    this.#endedBlake3 = blake3;
    onEvent({ kind: "expired", stage: "active", pack: nameOf(loaded), expiresMs });
  }

  #warn(pack: LoadedPack, atMs: number): void {
    const { blake3, expiresMs } = pack;
    if (blake3 !== this.#warnedBlake3) {
      this.#warnedBlake3 = blake3;
      this.#warnedDays = Number.POSITIVE_INFINITY;
    }
    if (expiresMs === undefined || atMs >= expiresMs) return;
    const withinDays = WARNING_DAYS.find((days) => expiresMs - atMs <= days * DAY_MS);
    if (withinDays === undefined || withinDays >= this.#warnedDays) return;
    this.#warnedDays = withinDays;
    this.#options.onEvent({ kind: "expiring", pack: nameOf(pack), expiresMs, withinDays });
  }

  #dropCandidate(): void {
    const { seats, queue, onEvent } = this.#options;
    const { candidate } = seats.serving;
    const expiresMs = candidate?.kept.loaded.expiresMs;
    if (candidate === undefined || expiresMs === undefined) return;
    const { stage, kept } = candidate;
    const drop = async (): Promise<void> => {
      // Another may have taken its place, or an earlier look may have dropped it.
      if (seats.serving.candidate?.kept !== kept) return;
      onEvent({ kind: "expired", stage, pack: nameOf(kept.loaded), expiresMs });
      await seats.dropCandidate("expired");
    };
    queue.run(drop).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      const { code, message } = error;
      onEvent({ kind: "refused", operation: "drop", stage, code, message });
    });
  }
}
