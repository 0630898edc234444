/** What the life-cycle of packs says no with, beside what is wrong with a pack itself: a closed list of codes. */
import { PackRefused } from "../pack-error.ts";
import type { LintFinding } from "../prove/lint-finding.ts";

export type LifeErrorCode =
  /** A file of the pack cannot be had. */
  | "life.file_missing"
  | "life.file_unreadable"
  | "life.file_too_large"
  /** Grave findings that the configuration does not acknowledge by name. */
  | "life.unacknowledged"
  /** There is nothing to promote or to drop. */
  | "life.no_candidate"
  /** There is nothing to go back to. */
  | "life.no_prev"
  /** The configuration says for nobody that a candidate decides. */
  | "life.no_share"
  /** The state file is not what this program wrote. */
  | "life.state_unreadable"
  /** Another process, or a person, has changed the state file. */
  | "life.state_changed"
  | "life.state_unwritable"
  /** The pack's files cannot be replaced. */
  | "life.files_unwritable"
  /** More operations wait than may wait. */
  | "life.busy"
  | "life.closed";

/**
 * Everything is as it was when it is thrown, but for a candidate that was dropped: that one is out of service even when
 * this could not be written down. Its message is for operators, never for callers.
 */
export class LifeRefused extends Error {
  override readonly name = "LifeRefused";
  readonly code: LifeErrorCode;
  /** With `life.unacknowledged`. */
  readonly findings: readonly LintFinding[];

  constructor(code: LifeErrorCode, message: string, findings: readonly LintFinding[] = []) {
    super(message);
    this.code = code;
    this.findings = findings;
  }
}

/** An expected no, of a pack or of the life-cycle; anything else that is thrown is a bug. */
export function isRefusal(error: unknown): error is PackRefused | LifeRefused {
  return error instanceof PackRefused || error instanceof LifeRefused;
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
