/** What can be wrong with the salts: one class, a closed list of codes, a text that tells an operator what to do. */

export type SaltErrorCode =
  /** There is no `salts.db` where one was expected. */
  | "salts.missing"
  /** The file is not ours, is from a newer release, or other users of the machine can open it. */
  | "salts.untrusted"
  /** The file cannot be read or written now. */
  | "salts.unavailable"
  /** The file was replaced or removed while it was open. */
  | "salts.replaced"
  /** The row is gone, but a copy of it may still stand in the file. */
  | "salts.erase_incomplete";

export class SaltError extends Error {
  override readonly name = "SaltError";
  readonly code: SaltErrorCode;

  constructor(code: SaltErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
