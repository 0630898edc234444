/** What the writer says no with: one class, a closed list of codes, and a message that tells the operator the remedy. */

export type LedgerErrorCode =
  /** The record cannot be written now; whoever needs the entry must not go on as if it were there. */
  | "ledger.unavailable"
  /** More entries wait than may wait. */
  | "ledger.overloaded"
  /** The entry is no list of JSON members that begins with its kind, or does not fit a line. */
  | "ledger.entry_refused"
  /** `close` was called before. */
  | "ledger.closed"
  /** Another writer has the directory. */
  | "ledger.locked"
  /** Something that was acknowledged is not there any more, or not as it was. */
  | "ledger.damaged"
  /** The directory holds the stream of another gateway, or of another key. */
  | "ledger.other_stream"
  /** The directory cannot be made, read or written. */
  | "ledger.directory_unusable";

/** Its message is for operators, never for callers. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
