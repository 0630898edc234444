/**
 * Who sits where: active, candidate, previous, and the same on disk. What is on disk goes first, so that a restart never
 * knows less than this process did; nothing here decides who may sit down.
 */
import { CanaryDraw, type CanaryShare } from "./canary-share.ts";
import type { ConstitutionEvent } from "./constitution-event.ts";
import { nameOf, type KeptPack } from "./loaded-pack.ts";
import { highestOf, storedOf, type OpenedPacks } from "./opening.ts";
import type { FileDigests } from "./pack-files.ts";
import { Serving, type Candidate } from "./serving.ts";
import { ShadowCounts } from "./shadow-counts.ts";
import type { ConstitutionState, StateFile } from "./state-file.ts";

/** Why a candidate leaves. */
export type DropCause = Extract<ConstitutionEvent, { kind: "dropped" }>["cause"];

export interface Replacing {
  /** Why the candidate leaves with the active pack; undefined when it stays. */
  readonly leaving: "promoted" | DropCause | undefined;
  /** How the pack's files were, when they are still to follow. */
  readonly unfinished?: FileDigests;
}

export interface SeatsOptions {
  readonly stateFile: StateFile;
  readonly nowMs: () => number;
  readonly onEvent: (event: ConstitutionEvent) => void;
}

export class Seats {
  readonly #options: SeatsOptions;
  #state: ConstitutionState;
  #serving: Serving;
  #prev: KeptPack | undefined;
  #counts: ShadowCounts | undefined;

  constructor({ active, prev, state }: OpenedPacks, options: SeatsOptions) {
    this.#options = options;
    this.#state = state;
    this.#serving = new Serving(active);
    this.#prev = prev;
  }

  get serving(): Serving {
    return this.#serving;
  }

  get prev(): KeptPack | undefined {
    return this.#prev;
  }

  get state(): ConstitutionState {
    return this.#state;
  }

  /** Of the candidate, or of the last one there was. */
  get counts(): ShadowCounts | undefined {
    return this.#counts;
  }

  /** The same pack, read again: what lint says about it may be taken differently now. */
  async renewActive(kept: KeptPack): Promise<void> {
    await this.#commit({ ...this.#state, active: storedOf(kept) });
    this.#seat(kept, this.#serving.candidate);
  }

  /** Another pack, for all requests from now on; the one that was active becomes the previous one. */
  async replaceActive(kept: KeptPack, { leaving, unfinished }: Replacing): Promise<void> {
    const { active: former, candidate: before } = this.#serving;
    const candidate = leaving ? undefined : before;
    const { highest } = this.#state;
    await this.#commit({
      active: storedOf(kept),
      prev: storedOf(former),
      highest: highestOf(highest, kept.loaded),
      candidate: candidate && storedCandidate(candidate),
      unfinished,
    });
    this.#prev = former;
    this.#seat(kept, candidate);
    if (before && leaving && leaving !== "promoted") this.#tellDropped(before, leaving);
  }

  async filesWritten(): Promise<void> {
    await this.#commit({ ...this.#state, unfinished: undefined });
  }

  /** With a share it decides for it; without one it is in shadow. */
  async seatCandidate(kept: KeptPack, share: CanaryShare | undefined): Promise<void> {
    const candidate: Candidate = {
      kept,
      stage: share ? "canary" : "next",
      draw: share && new CanaryDraw(share, kept.loaded.blake3),
      counts: this.#countsFor(this.#serving.active, kept),
    };
    await this.#commit({ ...this.#state, candidate: storedCandidate(candidate) });
    this.#seat(this.#serving.active, candidate);
  }

  /** Out of service at once; rejects when a restart would bring it back. */
  async dropCandidate(cause: DropCause): Promise<void> {
    const { candidate } = this.#serving;
    this.#serving = this.#serving.withCandidate(undefined);
    if (candidate) this.#tellDropped(candidate, cause);
    await this.#commit({ ...this.#state, candidate: undefined });
  }

  #tellDropped({ stage, kept }: Candidate, cause: DropCause): void {
    this.#options.onEvent({ kind: "dropped", stage, pack: nameOf(kept.loaded), cause });
  }

  #seat(active: KeptPack, candidate: Candidate | undefined): void {
    const seated = candidate && { ...candidate, counts: this.#countsFor(active, candidate.kept) };
    if (seated) this.#counts = seated.counts;
    this.#serving =
      active === this.#serving.active
        ? this.#serving.withCandidate(seated)
        : new Serving(active, seated);
  }

  /** Counts go on for the same two packs: a canary begins with what its time in shadow showed. */
  #countsFor({ loaded: active }: KeptPack, { loaded: candidate }: KeptPack): ShadowCounts {
    if (this.#counts?.isOf(active, candidate)) return this.#counts;
    return new ShadowCounts(active, candidate, this.#options.nowMs());
  }

  async #commit(state: ConstitutionState): Promise<void> {
    const { stateFile, onEvent } = this.#options;
    const result = await stateFile.write(state);
    this.#state = state;
    if (result === "unsynced") onEvent({ kind: "state_unsynced", path: stateFile.path });
  }
}

function storedCandidate({ kept, stage }: Candidate): ConstitutionState["candidate"] {
  return { stage, blake3: kept.loaded.blake3 };
}
