/**
 * Request line and header fields to what rules see in phase 1. It must never join, sort, decode or drop a field: doubled
 * headers and odd spellings are what the protocol rules look for.
 */
import { Buffer } from "node:buffer";
import { parseUrlencoded, type UrlencodedOptions } from "../body/urlencoded.ts";
import type { ByteString } from "../byte-string.ts";
import { urlDecode } from "../transformations/url-decode.ts";
import { addArguments, type FieldKinds } from "./arguments.ts";
import { type BodyErrors, ERROR_VARIABLES } from "./body-errors.ts";
import { addCookies } from "./cookies.ts";
import { Entry, PART } from "./entry.ts";
import { lowerName } from "./lower-name.ts";
import type { HeaderFields, RequestHead } from "./message.ts";
import { LazyParts, type Parts } from "./parts.ts";
import { type RequestTarget, splitTarget } from "./request-target.ts";
import { type VariableReaders, VariableTable } from "./variable-table.ts";

export interface RequestHeadOptions {
  readonly fieldKind?: FieldKinds | undefined;
  /** SecArgumentSeparator: one byte. */
  readonly argumentSeparator?: ByteString | undefined;
  /** SecArgumentsLimit: the query's arguments behind it are not read, which is a fault. */
  readonly argumentsLimit?: number | undefined;
}

const COOKIE = "cookie";

/** The value of the first field of that lower-case name. */
export function firstHeader(headers: HeaderFields, lower: ByteString): ByteString | undefined {
  for (const [name, value] of headers) {
    if (name.length === lower.length && lowerName(name) === lower) return value;
  }
  return undefined;
}

function queryOptions(query: ByteString, options: RequestHeadOptions): Partial<UrlencodedOptions> {
  const { argumentSeparator: separator, argumentsLimit: fields } = options;
  return {
    // Each byte of a query stands in one name or value, so that the query's own length is limit enough.
    nameBytes: query.length,
    valueBytes: query.length,
    ...(separator === undefined ? {} : { separator }),
    ...(fields === undefined ? {} : { fields }),
  };
}

function addTarget(head: RequestHead, target: RequestTarget, entries: Entry[]): void {
  const line = `${head.method} ${head.target} ${head.protocol}`;
  entries.push(
    new Entry(PART.requestLine, "", line),
    new Entry(PART.requestMethod, "", head.method),
    new Entry(PART.requestProtocol, "", head.protocol),
    new Entry(PART.requestUriRaw, "", head.target),
    new Entry(PART.requestUri, "", target.uri),
    new Entry(PART.requestFilename, "", target.path),
    new Entry(PART.requestBasename, "", target.baseName),
  );
  if (target.query !== undefined) entries.push(new Entry(PART.queryString, "", target.query));
}

function addHeaders(headers: HeaderFields, entries: Entry[]): void {
  for (const [name, value] of headers) {
    entries.push(new Entry(PART.requestHeaders, name, value));
    entries.push(new Entry(PART.requestHeadersNames, name, name));
    if (name.length === COOKIE.length && lowerName(name) === COOKIE) addCookies(value, entries);
  }
}

/**
 * To ModSecurity a fragment is no argument, and to some servers `#` is a letter of the query like any other. What stands
 * behind it is shown to the rules for arguments as one value named `#`, which is not counted as an argument.
 */
function addFragment({ fragment }: RequestTarget, entries: Entry[]): void {
  if (fragment !== "") entries.push(new Entry(PART.argsGet, "#", urlDecode(fragment)));
}

/** Reads request line, header fields, cookies and the arguments of the query. */
export function readRequestHead(head: RequestHead, options: RequestHeadOptions = {}): Parts {
  const target = splitTarget(head.target);
  const entries: Entry[] = [];
  addTarget(head, target, entries);
  addHeaders(head.headers, entries);
  const { query } = target;
  const read = query ? parseUrlencoded(query, queryOptions(query, options)) : undefined;
  if (read !== undefined) {
    addArguments(read.fields, PART.argsGet, { entries, fieldKind: options.fieldKind });
  }
  const expandedFrom = entries.length;
  addFragment(target, entries);
  const [fault, invalidEscapes] = [read?.fault, read?.invalidEscapes ?? 0];
  const errors = { processor: "URLENCODED", fault, invalidEscapes };
  const variables = new VariableTable(VARIABLES, { head, target, errors });
  return new LazyParts({ entries, expandedFrom, fault, invalidEscapes, variables });
}

/** The host without port and userinfo; an IPv6 address keeps its brackets. */
function hostOf(authority: ByteString): ByteString {
  return authority.slice(authority.lastIndexOf("@") + 1).replace(/:\d*$/, "");
}

/** Name and scheme of the Authorization header; nothing here says that they are true. */
function credentials(headers: HeaderFields): { scheme: ByteString; user: ByteString } {
  const value = firstHeader(headers, "authorization") ?? "";
  const space = value.indexOf(" ");
  const scheme = space === -1 ? value : value.slice(0, space);
  if (space === -1 || scheme.toLowerCase() !== "basic") return { scheme, user: "" };
  const pair = Buffer.from(value.slice(space + 1), "base64").toString("latin1");
  const colon = pair.indexOf(":");
  return { scheme, user: colon === -1 ? "" : pair.slice(0, colon) };
}

/** What the variables of a head follow from. */
interface HeadFacts {
  readonly head: RequestHead;
  readonly target: RequestTarget;
  readonly errors: BodyErrors;
}

const addressOf = ({ head }: HeadFacts): ByteString => head.remoteAddress ?? "";

function serverNameOf({ head, target }: HeadFacts): ByteString {
  const authority = target.authority || (firstHeader(head.headers, "host") ?? "");
  return head.serverName ?? hostOf(authority);
}

const VARIABLES: VariableReaders<HeadFacts> = new Map([
  ["SERVER_NAME", serverNameOf],
  ["SERVER_ADDR", ({ head }: HeadFacts) => head.serverAddress ?? ""],
  ["SERVER_PORT", ({ head }: HeadFacts) => String(head.serverPort ?? "")],
  ["REMOTE_ADDR", addressOf],
  ["REMOTE_HOST", addressOf],
  ["REMOTE_PORT", ({ head }: HeadFacts) => String(head.remotePort ?? "")],
  ["REMOTE_USER", ({ head }: HeadFacts) => credentials(head.headers).user],
  ["AUTH_TYPE", ({ head }: HeadFacts) => credentials(head.headers).scheme],
  ["PATH_INFO", ({ target }: HeadFacts) => target.path],
  ["UNIQUE_ID", ({ head }: HeadFacts) => head.id ?? ""],
  ...ERROR_VARIABLES,
]);
