/**
 * What operators do with packs: each operation checks all it can before it changes anything, and changes everything with
 * one write. One at a time; whoever calls sees to that.
 */
import { nameOfFinding } from "../prove/lint-finding.ts";
import type { PackTrust, SignedSource } from "../sign/trust.ts";
import { isEmptyShare, type CanaryShare } from "./canary-share.ts";
import type { ConstitutionEvent } from "./constitution-event.ts";
import { LifeRefused, reasonOf } from "./life-error.ts";
import {
  loadPack,
  nameOf,
  recheckRelease,
  type KeptPack,
  type LoadedPack,
  type Precedents,
} from "./loaded-pack.ts";
import { catchUpFiles } from "./opening.ts";
import { discardAll, type PackFiles } from "./pack-files.ts";
import type { Seats } from "./seats.ts";

export interface OperationsOptions {
  readonly files: PackFiles;
  readonly seats: Seats;
  readonly trust: PackTrust;
  readonly acknowledged: readonly string[];
  readonly canary?: CanaryShare | undefined;
  readonly nowMs: () => number;
  readonly onEvent: (event: ConstitutionEvent) => void;
}

/** Each throws `PackRefused` or `LifeRefused` while everything is still as it was, and returns who sits down. */
export class Operations {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  async reloadActive(): Promise<LoadedPack> {
    const { files, seats, onEvent } = this.#options;
    await this.#catchUp();
    const before = seats.serving.active.loaded;
    const kept = this.#load(await files.readActive(), before.blake3);
    const isSame = kept.loaded.blake3 === before.blake3;
    const { candidate } = seats.serving;
    const isCandidate = candidate?.kept.loaded.blake3 === kept.loaded.blake3;
    if (isSame) await seats.renewActive(kept);
    else await seats.replaceActive(kept, { leaving: isCandidate ? "active_now" : undefined });
    onEvent({
      kind: "activated",
      cause: "reload",
      pack: nameOf(kept.loaded),
      ...(!isSame && { previous: nameOf(before) }),
      acknowledged: this.acknowledgedOf(kept.loaded),
    });
    return kept.loaded;
  }

  /** `blake3` when only this pack is meant: the one that was loaded before a restart. */
  async reloadCandidate(stage: "next" | "canary", blake3?: string): Promise<LoadedPack> {
    const { files, seats, canary, onEvent } = this.#options;
    const share = stage === "canary" ? canary : undefined;
    if (stage === "canary" && (share === undefined || isEmptyShare(share)))
      throw new LifeRefused(
        "life.no_share",
        "the configuration names no group, route or per cent for whom a canary decides",
      );
    const kept = this.#load(await files.readCandidate());
    if (blake3 !== undefined && kept.loaded.blake3 !== blake3)
      throw new LifeRefused(
        "life.no_candidate",
        "the candidate's files are not the pack any more that was loaded before the restart; reload it",
      );
    await seats.seatCandidate(kept, share);
    const pack = nameOf(kept.loaded);
    const active = nameOf(seats.serving.active.loaded);
    const acknowledged = this.acknowledgedOf(kept.loaded);
    onEvent(
      share
        ? { kind: "canary", pack, active, share, acknowledged }
        : { kind: "candidate", pack, active, acknowledged },
    );
    return kept.loaded;
  }

  /** The very bytes that were verified and shadowed; what lies in the files by now does not matter. */
  async promote(): Promise<LoadedPack> {
    const { seats, nowMs } = this.#options;
    const { candidate } = seats.serving;
    if (candidate === undefined)
      throw new LifeRefused("life.no_candidate", "no candidate is loaded; reload stage next first");
    recheckRelease(candidate.kept, this.#precedents(), nowMs());
    await this.#exchange(candidate.kept, "promoted");
    return candidate.kept.loaded;
  }

  /** The one way to an older release. A candidate leaves too: after this one pack decides for all. */
  async rollback(): Promise<LoadedPack> {
    const { seats, nowMs } = this.#options;
    const { prev } = seats;
    if (prev === undefined)
      throw new LifeRefused("life.no_prev", "there is no previous pack to go back to");
    recheckRelease(prev, {}, nowMs());
    await this.#exchange(prev, "rolled_back");
    return prev.loaded;
  }

  async drop(stage: "next" | "canary"): Promise<LoadedPack> {
    const { seats } = this.#options;
    const { candidate } = seats.serving;
    if (candidate?.stage !== stage)
      throw new LifeRefused("life.no_candidate", `no pack is loaded as ${stage}`);
    await seats.dropCandidate("operator");
    return candidate.kept.loaded;
  }

  /** Names of the pack's grave findings that are taken because the configuration names them. */
  acknowledgedOf({ findings }: LoadedPack): string[] {
    const { acknowledged } = this.#options;
    return findings
      .filter(({ severity }) => severity === "grave")
      .map(nameOfFinding)
      .filter((name) => acknowledged.includes(name));
  }

  /** Names in the configuration that none of the packs has: one day they would take what nobody has looked at. */
  unusedAcknowledgements(): string[] {
    const { seats, acknowledged } = this.#options;
    const { active, candidate } = seats.serving;
    const packs = [active, candidate?.kept, seats.prev].filter((kept) => kept !== undefined);
    const used = new Set(packs.flatMap(({ loaded }) => this.acknowledgedOf(loaded)));
    return acknowledged.filter((name) => !used.has(name));
  }

  async #exchange(kept: KeptPack, kind: "promoted" | "rolled_back"): Promise<void> {
    const { files, seats, onEvent } = this.#options;
    const former = seats.serving.active;
    const staged = await files.stage(kept.source);
    try {
      await seats.replaceActive(kept, { leaving: kind, unfinished: await files.digests() });
    } catch (error) {
      await discardAll(staged);
      throw error;
    }
    onEvent({ kind, pack: nameOf(kept.loaded), previous: nameOf(former.loaded) });
    // From here on it has happened: what fails now is finished by the next operation, or the next start.
    try {
      const setAside = await files.finish(staged, kept.source, former.source);
      await this.#filesWritten(setAside);
    } catch (error) {
      onEvent({ kind: "files_behind", message: reasonOf(error) });
    }
  }

  async #catchUp(): Promise<void> {
    const { files, seats } = this.#options;
    if (seats.state.unfinished === undefined) return;
    const written = await catchUpFiles(files, seats.state);
    await this.#filesWritten(written === "touched" ? [] : written);
  }

  async #filesWritten(setAside: readonly string[]): Promise<void> {
    const { seats, onEvent } = this.#options;
    await seats.filesWritten();
    onEvent({ kind: "files_written", blake3: seats.state.active.blake3, setAside });
  }

  #load(source: SignedSource, standing?: string): KeptPack {
    const { trust, acknowledged, nowMs } = this.#options;
    const precedents = { ...this.#precedents(), standing };
    return loadPack(source, precedents, { trust, acknowledged, nowMs: nowMs() });
  }

  #precedents(): Precedents {
    const { state, serving } = this.#options.seats;
    return { highest: state.highest, active: serving.active.loaded };
  }
}
