/** What break-glass says no with: a closed list of codes, and a message that tells the operator the remedy. */

export type BreakGlassErrorCode =
  /** No whole number of seconds from 1 to the cap. */
  | "breakglass.bad_ttl"
  /** Not 1 to 500 printable characters on one line. */
  | "breakglass.bad_reason"
  /** Not 1 to 100 printable characters on one line. */
  | "breakglass.bad_name"
  /** Two persons are asked for, and only one has spoken. */
  | "breakglass.approval_required"
  /** Nonce, time or signature do not have their form, or the time lies too far ahead. */
  | "breakglass.bad_approval"
  /** No operator key made this signature over this text. */
  | "breakglass.approval_refused"
  | "breakglass.approval_expired"
  /** This approval has been used before. */
  | "breakglass.approval_replayed"
  /** More approvals than are remembered wait for their end. */
  | "breakglass.too_many_approvals"
  /** What was decided could not be made durable. */
  | "breakglass.state_unwritable"
  /** The state file is not what this program writes, others may write it, or its approval does not hold. */
  | "breakglass.state_refused"
  | "breakglass.closed";

/** Its message is for operators, never for callers. */
export class BreakGlassRefused extends Error {
  override readonly name = "BreakGlassRefused";
  readonly code: BreakGlassErrorCode;

  constructor(code: BreakGlassErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
