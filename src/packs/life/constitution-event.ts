/** What happens to the constitution: all of it is for the record, most of it for whoever is on call. */
import type { PackErrorCode } from "../pack-error.ts";
import type { CanaryShare } from "./canary-share.ts";
import type { LifeErrorCode } from "./life-error.ts";
import type { PackName } from "./loaded-pack.ts";

/** Where a pack stands. `next` is in shadow, `canary` decides for a share of the requests. */
export type PackStage = "active" | "next" | "canary" | "prev";

/** What an operator asks for, and the start. */
export type ConstitutionOperation = "open" | "reload" | "promote" | "rollback" | "drop";

export type ConstitutionEvent =
  /** There was no state file: a first start, or somebody removed it and with it the memory of releases. */
  | { readonly kind: "state_created"; readonly path: string }
  | {
      readonly kind: "activated";
      readonly cause: "start" | "reload";
      readonly pack: PackName;
      /** What was active before, where that was another. */
      readonly previous?: PackName;
      /** Grave findings that are taken because the configuration names them. */
      readonly acknowledged: readonly string[];
    }
  | {
      readonly kind: "candidate";
      readonly pack: PackName;
      readonly active: PackName;
      readonly acknowledged: readonly string[];
    }
  | {
      readonly kind: "canary";
      readonly pack: PackName;
      readonly active: PackName;
      readonly share: CanaryShare;
      readonly acknowledged: readonly string[];
    }
  | { readonly kind: "promoted"; readonly pack: PackName; readonly previous: PackName }
  | { readonly kind: "rolled_back"; readonly pack: PackName; readonly previous: PackName }
  | {
      readonly kind: "dropped";
      readonly stage: "next" | "canary";
      readonly pack: PackName;
      /** `active_now`: the same pack has become the active one by a reload. */
      readonly cause: "operator" | "expired" | "active_now" | "rolled_back";
    }
  /** Everything is as it was before. */
  | {
      readonly kind: "refused";
      readonly operation: ConstitutionOperation;
      readonly stage: PackStage;
      readonly code: PackErrorCode | LifeErrorCode;
      readonly message: string;
    }
  | {
      readonly kind: "expiring";
      readonly pack: PackName;
      readonly expiresMs: number;
      readonly withinDays: number;
    }
  | {
      readonly kind: "expired";
      readonly stage: "active" | "next" | "canary";
      readonly pack: PackName;
      readonly expiresMs: number;
    }
  /** Acknowledged in the configuration, but none of the packs has such a finding. */
  | { readonly kind: "acknowledgement_unused"; readonly names: readonly string[] }
  /** The state says what is active; the pack's files do not say the same yet, and are written with the next operation. */
  | { readonly kind: "files_behind"; readonly message: string }
  /** They do now. What had been in them and was not the active pack stands in the files named here. */
  | {
      readonly kind: "files_written";
      readonly blake3: string;
      readonly setAside: readonly string[];
    }
  /** Done, but a power loss in the next moments could undo it. */
  | { readonly kind: "state_unsynced"; readonly path: string };
