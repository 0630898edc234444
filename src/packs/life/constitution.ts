/**
 * The constitution that serves: the active pack, a candidate beside it, the one before it, and the operations by which
 * one takes another's place. Each is whole or has not happened; it must never serve a pack that was not verified, nor
 * an older release unless an operator goes back to it.
 */
import type { FieldName, PackContext } from "../fields.ts";
import type { PackTrust } from "../sign/trust.ts";
import type { CanaryShare } from "./canary-share.ts";
import type { ConstitutionEvent, ConstitutionOperation, PackStage } from "./constitution-event.ts";
import { ExpiryWatch } from "./expiry-watch.ts";
import { isRefusal, LifeRefused } from "./life-error.ts";
import { nameOf, type LoadedPack, type PackName } from "./loaded-pack.ts";
import { openPacks } from "./opening.ts";
import { Operations } from "./operations.ts";
import { PackFiles, type PackPaths } from "./pack-files.ts";
import { Seats } from "./seats.ts";
import { SerialQueue } from "./serial-queue.ts";
import type { ConstitutionVerdict, DecisionSubject } from "./serving.ts";
import type { ShadowReport } from "./shadow-counts.ts";
import { StateFile } from "./state-file.ts";

export interface ConstitutionOptions {
  readonly files: PackPaths;
  readonly trust: PackTrust;
  /** Names of grave findings that are taken. */
  readonly acknowledged: readonly string[];
  /** One for each process: see `life.state_changed`. */
  readonly stateFile: string;
  /** For whom a canary decides; without one there is no canary. */
  readonly canary?: CanaryShare | undefined;
  readonly nowMs: () => number;
  readonly onEvent: (event: ConstitutionEvent) => void;
}

/** What an operation answers. */
export interface StageAnswer extends PackName {
  readonly ok: true;
  readonly stage: "active" | "next" | "canary";
}

/** Operations that run or wait. Each reads and proves a pack; more is a script gone wrong, or somebody's flood. */
const OPERATIONS_LIMIT = 16;

export class Constitution {
  readonly #options: ConstitutionOptions;
  readonly #seats: Seats;
  readonly #operations: Operations;
  readonly #queue = new SerialQueue();
  readonly #expiryWatch: ExpiryWatch;
  #unusedTold: ReadonlySet<string> = new Set();
  #isClosed = false;

  private constructor(options: ConstitutionOptions, seats: Seats, operations: Operations) {
    this.#options = options;
    this.#seats = seats;
    this.#operations = operations;
    const { nowMs, onEvent } = options;
    this.#expiryWatch = new ExpiryWatch({ seats, queue: this.#queue, nowMs, onEvent });
  }

  /** Rejects with `PackRefused` or `LifeRefused`: nothing serves without a good pack. */
  static async open(options: ConstitutionOptions): Promise<Constitution> {
    const { onEvent, nowMs } = options;
    const files = new PackFiles(options.files);
    const stateFile = new StateFile(options.stateFile);
    const openedMs = nowMs();
    const opened = await openPacks({ ...options, files, stateFile, nowMs: openedMs });
    const seats = new Seats(opened, { stateFile, nowMs, onEvent });
    const operations = new Operations({ ...options, files, seats });
    const { loaded } = opened.active;
    const previous = opened.replaced;
    onEvent({
      kind: "activated",
      cause: "start",
      pack: nameOf(loaded),
      ...(previous && { previous }),
      acknowledged: operations.acknowledgedOf(loaded),
    });
    const constitution = new Constitution(options, seats, operations);
    await constitution.#resumeCandidate();
    constitution.#expiryWatch.look();
    constitution.#tellUnused();
    return constitution;
  }

  get active(): LoadedPack {
    return this.#seats.serving.active.loaded;
  }

  /** The candidate in shadow. */
  get next(): LoadedPack | undefined {
    return this.#candidateAs("next");
  }

  /** The candidate that decides for a share. */
  get canary(): LoadedPack | undefined {
    return this.#candidateAs("canary");
  }

  get prev(): LoadedPack | undefined {
    return this.#seats.prev?.loaded;
  }

  /** For whom a canary decides, as configured. */
  get canaryShare(): CanaryShare | undefined {
    return this.#options.canary;
  }

  /** Whether a pack that is evaluated reads the field; what none reads need not be found out. */
  reads(field: FieldName): boolean {
    const { active, candidate } = this.#seats.serving;
    return (
      active.loaded.evaluator.readsField(field) ||
      (candidate?.kept.loaded.evaluator.readsField(field) ?? false)
    );
  }

  /** Decides on one request. `isExpired` verdicts must be refused by whoever asks. */
  decide(context: PackContext, nowSeconds: number, subject: DecisionSubject): ConstitutionVerdict {
    const verdict = this.#seats.serving.decide(context, nowSeconds, subject);
    if (verdict.isExpired) this.#expiryWatch.tellEnded();
    return verdict;
  }

  /** What the candidate, or the last one there was, would have decided otherwise. */
  shadowReport(): ShadowReport | undefined {
    return this.#seats.counts?.report();
  }

  /** Loads the files of the active pack, or those of the candidate into shadow or canary. */
  reload(stage: "active" | "next" | "canary"): Promise<StageAnswer> {
    return this.#operate("reload", stage, () =>
      stage === "active"
        ? this.#operations.reloadActive()
        : this.#operations.reloadCandidate(stage),
    );
  }

  /** The candidate becomes the active pack. */
  promote(): Promise<StageAnswer> {
    return this.#operate("promote", "active", () => this.#operations.promote());
  }

  /** The previous pack becomes the active one again, and the active one the previous. */
  rollback(): Promise<StageAnswer> {
    return this.#operate("rollback", "active", () => this.#operations.rollback());
  }

  /** The candidate leaves, without having been active. */
  drop(stage: "next" | "canary"): Promise<StageAnswer> {
    return this.#operate("drop", stage, () => this.#operations.drop(stage));
  }

  /**
   * Lets operations end, and makes others wait until what it resolves with is called: while another constitution is
   * opened on the same state file, nothing may change here that the other has not read.
   */
  hold(): Promise<() => void> {
    return new Promise((held) => {
      void this.#queue.run(() => new Promise<void>((release) => held(release)));
    });
  }

  /** Lets operations end. It goes on deciding, for requests that are under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#expiryWatch.stop();
    await this.#queue.settled();
  }

  #candidateAs(stage: "next" | "canary"): LoadedPack | undefined {
    const { candidate } = this.#seats.serving;
    return candidate?.stage === stage ? candidate.kept.loaded : undefined;
  }

  /** One after the other; what is refused is told, and thrown. */
  async #operate(
    operation: ConstitutionOperation,
    stage: StageAnswer["stage"],
    act: () => Promise<LoadedPack>,
  ): Promise<StageAnswer> {
    try {
      if (this.#queue.length >= OPERATIONS_LIMIT)
        throw new LifeRefused("life.busy", `${OPERATIONS_LIMIT} operations wait; ask again`);
      const loaded = await this.#queue.run(() => {
        // Only now: it may have been closed while this waited.
        if (this.#isClosed)
          throw new LifeRefused("life.closed", "these packs do not serve any more");
        return act();
      });
      this.#expiryWatch.look();
      this.#tellUnused();
      return { ok: true, stage, ...nameOf(loaded) };
    } catch (error) {
      this.#tellRefused(operation, stage, error);
      throw error;
    }
  }

  /** After a restart the same pack is in shadow or canary as before, or none is. */
  async #resumeCandidate(): Promise<void> {
    const { candidate } = this.#seats.state;
    if (candidate === undefined) return;
    const { stage, blake3 } = candidate;
    try {
      await this.#operations.reloadCandidate(stage, blake3);
    } catch (error) {
      this.#tellRefused("open", stage, error);
      if (!isRefusal(error)) throw error;
      await this.#seats.dropCandidate("operator");
    }
  }

  #tellRefused(operation: ConstitutionOperation, stage: PackStage, error: unknown): void {
    if (!isRefusal(error)) return;
    const { code, message } = error;
    this.#options.onEvent({ kind: "refused", operation, stage, code, message });
  }

  /** Each time they are others. */
  #tellUnused(): void {
    const names = this.#operations.unusedAcknowledgements();
    const isTold = names.every((name) => this.#unusedTold.has(name));
    this.#unusedTold = new Set(names);
    if (!isTold) this.#options.onEvent({ kind: "acknowledgement_unused", names });
  }
}
