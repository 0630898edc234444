/** What stops a reader: the directory or a file of it cannot be read. Damage inside a file is not an error but a finding. */

export type LedgerReadErrorCode =
  | "ledger.directory_unreadable"
  | "ledger.no_segments"
  | "ledger.segment_unreadable"
  | "ledger.compressed_damaged";

/** Its message says what, where and the remedy. */
export class LedgerReadError extends Error {
  override readonly name = "LedgerReadError";
  readonly code: LedgerReadErrorCode;

  constructor(code: LedgerReadErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
