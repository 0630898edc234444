/**
 * Reads the header section of an upstream's answer from its raw bytes: end-to-end fields only, in lower case. An upstream
 * is not trusted: what is not plainly a field is refused, never repaired.
 */

import { util } from "undici";

/** The end-to-end head of an answer, and the three things the forwarder needs from it. */
export interface ResponseHead {
  /** Flat name, value, name, value, without `content-length`. */
  readonly headers: string[];
  /** The declared length; -1 when there is none. */
  readonly contentLength: number;
  readonly isEventStream: boolean;
}

/** Fields in one answer; raised, each running call can make the gateway handle that many more. */
export const RESPONSE_FIELDS_LIMIT = 256;

/** RFC 9110 section 5.5: a field value with anything else could be two fields to someone. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const DIGITS = /^\d{1,15}$/;
const EVENT_STREAM = /^text\/event-stream(?:[\s;]|$)/i;

const CODE_SPACE = 32;
const CODE_TAB = 9;

type Role = "drop" | "connection" | "length" | "type";

/** What is done with a field; all other fields are passed on. */
const ROLES: ReadonlyMap<string, Role> = new Map<string, Role>([
  ["connection", "connection"],
  ["content-length", "length"],
  ["content-type", "type"],
  // RFC 9110 section 7.6.1: of this connection only.
  ["keep-alive", "drop"],
  ["proxy-connection", "drop"],
  ["proxy-authenticate", "drop"],
  ["proxy-authentication-info", "drop"],
  ["te", "drop"],
  ["trailer", "drop"],
  ["transfer-encoding", "drop"],
  ["upgrade", "drop"],
  // RFC 7838: would send callers past the gateway, to whatever the upstream names.
  ["alt-svc", "drop"],
  // The gateway's own word about its answers.
  ["x-policy-sign", "drop"],
  ["x-portcullis-served-version", "drop"],
  ["x-portcullis-degraded", "drop"],
]);

/** The head of an answer, or why it is not one (private text). `raw` is flat name, value as the parser gives them. */
export function readResponseHead(raw: readonly Buffer[]): ResponseHead | string {
  if (raw.length > RESPONSE_FIELDS_LIMIT * 2) return "too many header fields";
  const headers: string[] = [];
  let contentLength = -1;
  let isEventStream = false;
  let connection: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    // Lower case; looks common names up in the bytes, without making a text first.
    const name = util.headerNameToString(raw[i] as Buffer);
    const value = trimEnd((raw[i + 1] as Buffer).toString("latin1"));
    const role = ROLES.get(name);
    // A name with a role is a token.
    if (FORBIDDEN.test(value) || (role === undefined && !TOKEN.test(name)))
      return "a header field with forbidden characters";
    if (role === undefined) {
      headers.push(name, value);
      continue;
    }
    if (role === "type") {
      headers.push(name, value);
      isEventStream = EVENT_STREAM.test(value);
    } else if (role === "length") {
      if (contentLength >= 0 || !DIGITS.test(value)) return "an ambiguous content-length";
      contentLength = Number(value);
    } else if (role === "connection") {
      connection = connection === undefined ? value : `${connection},${value}`;
    }
  }
  if (connection !== undefined) removeNamed(headers, connection);
  return { headers, contentLength, isEventStream };
}

/** The parser leaves optional white space behind a value (RFC 9112 section 5.1). */
function trimEnd(value: string): string {
  const last = value.charCodeAt(value.length - 1);
  return last === CODE_SPACE || last === CODE_TAB ? value.trimEnd() : value;
}

/** RFC 9110 section 7.6.1: fields named by Connection MUST be removed before the message is forwarded. */
function removeNamed(headers: string[], connection: string): void {
  const lower = connection.toLowerCase();
  if (lower === "keep-alive" || lower === "close") return;
  const named = new Set(lower.split(",").map((token) => token.trim()));
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if (named.has(headers[i] as string)) continue;
    headers[kept] = headers[i] as string;
    headers[kept + 1] = headers[i + 1] as string;
    kept += 2;
  }
  headers.length = kept;
}
