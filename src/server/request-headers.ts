/**
 * The header section of a request, read once from the raw fields: what goes on end-to-end, and what the listener needs
 * itself. It merges, drops or repairs nothing that two readers could understand differently; that is refused.
 */
import { rejection, type Rejection } from "../pipeline/rejection.ts";
import type { RequestHeaders } from "../pipeline/request-context.ts";
import { fieldName, isEssential } from "./header-names.ts";

export interface HeaderLimits {
  readonly headerBytes: number;
  readonly headerCount: number;
}

/** RFC 9110 section 5.5: no control character but tab. Bytes above 127 are opaque and pass. */
const UNSAFE_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
/** Bytes a field costs beside its name and value: colon, space and line end. */
const FIELD_OVERHEAD_BYTES = 4;

export class HeaderSection implements RequestHeaders {
  fields: string[] = [];
  host: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  expect: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  requestId: string | undefined = undefined;
  correlationId: string | undefined = undefined;
  traceparent: string | undefined = undefined;
  tracestate: string | undefined = undefined;
  /** Fields about earlier hops, flat as received; undefined when there are none. */
  forwarding: string[] | undefined = undefined;

  get(name: string): string | undefined {
    const { fields } = this;
    let value: string | undefined;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] !== name) continue;
      // RFC 6265 section 4.2.1: cookies are joined by semicolons; all other lists by commas.
      value =
        value === undefined
          ? (fields[i + 1] as string)
          : `${value}${name === "cookie" ? "; " : ", "}${fields[i + 1]}`;
    }
    return value;
  }
}

/** What is being gathered while the fields are walked. */
interface Walk {
  onceSeen: number;
  connection: string | undefined;
}

/** Reads raw fields, flat name and value, names in any case, into `section`; gives the refusal, if there is one. */
export function readHeaders(
  raw: readonly string[],
  section: HeaderSection,
  limits: HeaderLimits,
): Rejection | undefined {
  if (raw.length > limits.headerCount * 2)
    return rejection("listener.headers_too_large", { cause: `${raw.length / 2} fields` });
  const walk: Walk = { onceSeen: 0, connection: undefined };
  let size = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    size += name.length + value.length + FIELD_OVERHEAD_BYTES;
    const refused = readField(name, value, { section, walk });
    if (refused !== undefined) return refused;
  }
  if (size > limits.headerBytes)
    return rejection("listener.headers_too_large", { cause: `${size} bytes` });
  return walk.connection === undefined ? undefined : obeyConnection(walk.connection, section);
}

interface Reading {
  readonly section: HeaderSection;
  readonly walk: Walk;
}

function readField(raw: string, value: string, { section, walk }: Reading): Rejection | undefined {
  const { name, treatment, onceBit, isRead } = fieldName(raw);
  if (UNSAFE_VALUE.test(value)) return invalid(`a control character in ${name}`);
  switch (treatment) {
    case "refuse":
      return invalid("a field name is no token, or shadows another with an underscore");
    case "once":
      if ((walk.onceSeen & onceBit) !== 0) return repeated(name);
      walk.onceSeen |= onceBit;
      section.fields.push(name, value);
      break;
    case "pass":
      section.fields.push(name, value);
      break;
    case "forwarding":
      (section.forwarding ??= []).push(name, value);
      return undefined;
    case "drop":
      break;
  }
  return isRead ? note(name, value, { section, walk }) : undefined;
}

/** Keeps what the listener itself needs. */
function note(name: string, value: string, { section, walk }: Reading): Rejection | undefined {
  switch (name) {
    case "host":
      section.host = value;
      return undefined;
    case "content-length":
      section.contentLength = value;
      return undefined;
    case "transfer-encoding":
      // Two fields would be joined to a list, and only the single word `chunked` is accepted.
      section.transferEncoding =
        section.transferEncoding === undefined ? value : `${section.transferEncoding},${value}`;
      return undefined;
    case "connection":
      walk.connection = walk.connection === undefined ? value : `${walk.connection},${value}`;
      return undefined;
    case "upgrade":
      section.upgrade = section.upgrade === undefined ? value : `${section.upgrade},${value}`;
      return undefined;
    case "expect":
      if (section.expect !== undefined) return repeated(name);
      section.expect = value;
      return undefined;
    case "x-request-id":
      section.requestId = value;
      return undefined;
    case "x-correlation-id":
      section.correlationId = value;
      return undefined;
    case "traceparent":
      section.traceparent = value;
      return undefined;
    case "tracestate":
      section.tracestate =
        section.tracestate === undefined ? value : `${section.tracestate},${value}`;
      return undefined;
    default:
      return undefined;
  }
}

/** RFC 9110 section 7.6.1: fields named by Connection end here. Naming one that others rely on is refused. */
function obeyConnection(connection: string, section: HeaderSection): Rejection | undefined {
  if (connection === "keep-alive" || connection === "close") return undefined;
  const named = new Set<string>();
  for (const option of connection.split(",")) {
    const name = option.trim().toLowerCase();
    if (isEssential(name)) return invalid("Connection names an end-to-end field");
    if (name !== "") named.add(name);
  }
  const { fields } = section;
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    if (named.has(fields[i] as string)) continue;
    fields[kept++] = fields[i] as string;
    fields[kept++] = fields[i + 1] as string;
  }
  fields.length = kept;
  return undefined;
}

function repeated(name: string): Rejection {
  if (name === "host") return rejection("listener.invalid_host", { cause: "two Host fields" });
  if (name === "content-length")
    return rejection("listener.ambiguous_length", { cause: "two Content-Length fields" });
  return invalid(`${name} is repeated`);
}

function invalid(cause: string): Rejection {
  return rejection("listener.invalid_header", { cause });
}
