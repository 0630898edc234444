/** What an error of the connection to an upstream means to the caller: a table of codes, never of message texts. */
import { errors } from "undici";
import { BodyRejected } from "../pipeline/exchange.ts";
import { rejection, type Rejection, type RejectionCode } from "../pipeline/rejection.ts";

/** How far a call had come: before a connection was there, nothing was sent. */
export type Progress = "connecting" | "sent";

/** Codes of undici, in any phase. */
const BY_CODE: ReadonlyMap<string, RejectionCode> = new Map<string, RejectionCode>([
  ["UND_ERR_CONNECT_TIMEOUT", "upstream.connect_timeout"],
  ["UND_ERR_HEADERS_TIMEOUT", "upstream.timeout"],
  ["UND_ERR_BODY_TIMEOUT", "upstream.timeout"],
  ["UND_ERR_HEADERS_OVERFLOW", "upstream.invalid_response"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "upstream.invalid_response"],
  ["UND_ERR_RES_EXCEEDED_MAX_SIZE", "contract.response_too_large"],
  // The body that came is not the body that was announced: the caller's doing.
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "listener.body_incomplete"],
  // The gateway built a request that is not HTTP: a bug of ours, never the upstream's.
  ["UND_ERR_INVALID_ARG", "gateway.invariant_broken"],
  ["UND_ERR_NOT_SUPPORTED", "gateway.invariant_broken"],
]);

export function rejectionOfError(error: unknown, progress: Progress): Rejection {
  if (error instanceof BodyRejected) return error.rejection;
  const code = codeOf(error);
  return rejection(rejectionCodeOf(error, code, progress), { cause: causeOf(error, code) });
}

function rejectionCodeOf(error: unknown, code: string, progress: Progress): RejectionCode {
  const known = BY_CODE.get(code);
  if (known) return known;
  // The parser's errors come without a code.
  if (error instanceof errors.HTTPParserError) return "upstream.invalid_response";
  return progress === "connecting" ? "upstream.unreachable" : "upstream.connection_lost";
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function causeOf(error: unknown, code: string): string {
  const text = error instanceof Error ? error.message : String(error);
  return code === "" ? text : `${code}: ${text}`;
}
