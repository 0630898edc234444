/** The answers to bytes that never became a request: written to the socket as they stand, then the connection ends. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { rejection, type Rejection, type RejectionCode } from "../pipeline/rejection.ts";

/** What Node's parser says, in our words. Everything else is simply not well-formed. */
const CODE_OF_ERROR: Readonly<Record<string, RejectionCode>> = {
  HPE_HEADER_OVERFLOW: "listener.headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "listener.request_timeout",
  HPE_UNEXPECTED_CONTENT_LENGTH: "listener.ambiguous_length",
  HPE_INVALID_CONTENT_LENGTH: "listener.ambiguous_length",
  HPE_INVALID_TRANSFER_ENCODING: "listener.ambiguous_length",
  HPE_INVALID_URL: "listener.invalid_url",
  HPE_INVALID_HEADER_TOKEN: "listener.invalid_header",
};

/** The rejection for an error of the parser; its cause is for the operator. */
export function rejectionOfParserError(error: NodeJS.ErrnoException): Rejection {
  const code = CODE_OF_ERROR[error.code ?? ""] ?? "listener.malformed_request";
  const { reason } = error as { reason?: unknown };
  return rejection(code, {
    cause: `${error.code}${typeof reason === "string" ? `: ${reason}` : ""}`,
  });
}

/** Answers and closes. There is no request, so there is no id to name it by. */
export function answerMalformed(socket: Socket, refusal: Rejection): void {
  const { code, family, message, reason, status, headers = [] } = refusal;
  const body = JSON.stringify({ error: { code: family, message, details: { reason } } });
  const fields = ["content-type", "application/json", "cache-control", "no-store", ...headers];
  if (code === "listener.overloaded") fields.push("retry-after", "1");
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  head += `date: ${new Date().toUTCString()}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  socket.end(`${head}connection: close\r\n\r\n${body}`);
  // The caller may keep its side open for ever; it gets a moment to read the answer.
  const timer = setTimeout(() => socket.destroy(), ANSWER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}

const ANSWER_MS = 1_000;
