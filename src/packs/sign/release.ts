/**
 * Whether a verified pack may take its place now: not an older one, not another's, not before or after its time. It
 * must never look at anything that is not signed, `created_at` of `pack.json` above all.
 */
import type { Pack, Release } from "../pack.ts";
import { refusal } from "./refusal.ts";
import type { OpenedPack } from "./trust.ts";

/** What was there before, and when it is. */
export interface ReleaseCircumstances {
  readonly nowMs: number;
  /**
   * The highest release that was ever active here. Its name is the name of all that follow, and once it is known a
   * pack without `release` is refused: otherwise one signed before releases came into use would undo them.
   */
  readonly highest?: {
    readonly name: string;
    readonly version: number;
    /** Of its bytes: the same may come back after a roll back. Default: those of the active pack. */
    readonly blake3?: string;
  };
  /** The pack that decides now, which `prev` must name. Without one `prev` cannot be checked, and is not. */
  readonly active?: { readonly blake3: string };
}

/** What a pack is called in answers, metrics and records. */
export interface PackIdentity {
  /** `id` of `pack.json`, or the name of an envelope's release. */
  readonly id: string;
  /** `version` of `pack.json`, or an envelope's release number. */
  readonly version: string;
  readonly blake3: string;
}

/**
 * Throws a PackRefused: `pack.release_missing`, `pack.wrong_name`, `pack.rollback`, `pack.version_reused`,
 * `pack.wrong_prev`, `pack.not_yet`, `pack.expired`.
 */
export function checkRelease(
  { release }: Pick<Pack, "release">,
  opened: OpenedPack,
  circumstances: ReleaseCircumstances,
): PackIdentity {
  if (release !== undefined) {
    requireSuccession(release, opened.blake3, circumstances);
    requireTime(release, circumstances.nowMs);
  } else if (opened.form === "dsse" || circumstances.highest !== undefined) {
    throw releaseMissing(opened.form);
  }
  return {
    id: opened.id ?? (release as Release).name,
    version: opened.version ?? String((release as Release).version),
    blake3: opened.blake3,
  };
}

function releaseMissing(form: OpenedPack["form"]): Error {
  return refusal(
    "pack.release_missing",
    form === "dsse"
      ? "a pack in an envelope says its release, this one does not"
      : "this pack says no release, but one with a release was active here: it may be older than that",
    "write release: with name, version, not_before and expires, and sign again",
  );
}

function requireSuccession(
  { name, version, prev }: Release,
  blake3: string,
  { highest, active }: ReleaseCircumstances,
): void {
  if (highest !== undefined && highest.name !== name) {
    throw refusal(
      "pack.wrong_name",
      `this is a release of ${JSON.stringify(name)}; here ${JSON.stringify(highest.name)} is in use`,
    );
  }
  if (highest !== undefined && version < highest.version) {
    throw refusal(
      "pack.rollback",
      `release ${version} is older than ${highest.version}, which was active here`,
      "to go back, sign the old rules as a new release",
    );
  }
  if (version === highest?.version && blake3 !== (highest.blake3 ?? active?.blake3)) {
    throw refusal(
      "pack.version_reused",
      `release ${version} was active here with other bytes`,
      "every change is a new version",
    );
  }
  // The active pack itself, loaded again, names the one before it.
  if (
    prev !== undefined &&
    active !== undefined &&
    prev !== active.blake3 &&
    blake3 !== active.blake3
  ) {
    throw refusal(
      "pack.wrong_prev",
      `this release replaces ${prev}, but ${active.blake3} is active`,
      "sign a release that replaces the active one, or leave prev out",
    );
  }
}

/** From `not_before` on, until just before `expires`. */
function requireTime({ notBeforeMs, expiresMs }: Release, nowMs: number): void {
  if (nowMs < notBeforeMs) {
    throw refusal("pack.not_yet", `this release begins at ${new Date(notBeforeMs).toISOString()}`);
  }
  if (nowMs >= expiresMs) {
    throw refusal(
      "pack.expired",
      `this release ended at ${new Date(expiresMs).toISOString()}`,
      "sign a new release",
    );
  }
}
