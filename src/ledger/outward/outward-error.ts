/** What can go wrong on the way out of the machine. Its messages are for operators; they must never hold a secret. */

export type OutwardErrorCode =
  | "outward.unreachable"
  | "outward.timeout"
  | "outward.too_long"
  | "segment.unreadable"
  | "mirror.refused"
  | "mirror.mismatch"
  | "mirror.too_large"
  | "exec.failed"
  | "exec.timeout"
  | "witness.unknown_log"
  | "witness.refused"
  | "witness.inconsistent"
  | "witness.ahead"
  | "witness.bad_answer"
  | "witness.bad_key"
  | "witness.key_unsupported"
  | "tail.damaged"
  | "syslog.unreachable"
  | "otlp.missing_package"
  | "otlp.refused";

export class OutwardError extends Error {
  override readonly name = "OutwardError";
  readonly code: OutwardErrorCode;

  constructor(code: OutwardErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a status shows of anything thrown. */
export interface ErrorReport {
  /** An `OutwardErrorCode`, or the code of a system call, or `unknown`. */
  readonly code: string;
  readonly message: string;
  readonly atMs: number;
}

export function reportOf(error: unknown, atMs: number): ErrorReport {
  if (!(error instanceof Error)) return { code: "unknown", message: String(error), atMs };
  const code: unknown = "code" in error ? error.code : undefined;
  return { code: typeof code === "string" ? code : "unknown", message: error.message, atMs };
}
