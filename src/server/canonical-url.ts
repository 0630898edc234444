/**
 * The one form of a request target (RFC 3986). What has several readings is refused, never repaired: a router, a rule
 * and an upstream that read a path differently let a request pass the guard of another.
 */
import type { CanonicalUrl } from "../pipeline/request-context.ts";

/**
 * A path that is already canonical: segments of pchar without percent (RFC 3986 section 3.3), none empty, no dot
 * segment. Some servers cut path parameters before they resolve dots: "..;x" is a dot segment too. Linear: each
 * segment starts with its own slash.
 */
const PLAIN_PATH = /^(?=\/)(?:\/(?!\.\.?(?:[/;]|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)*\/?$/;
const PATH_CHARACTERS = /^\/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*$/;
const AMBIGUOUS_SEGMENT = /\/\/|\/\.\.?(?:[/;]|%3B|$)/;

/**
 * RFC 3986 section 3.4, and `[]{}|^` and backtick, which the WHATWG URL standard lets callers send raw in a query. The
 * query is passed on as sent, so nothing depends on how they would be escaped.
 */
const PLAIN_QUERY = /^[A-Za-z0-9._~!$&'()*+,;=:@/?[\]{}|^`-]*$/;
const QUERY_CHARACTERS = /^[A-Za-z0-9._~!$&'()*+,;=:@/?[\]{}|^`%-]*$/;

const PERCENT_ENCODED = /%[0-9A-Fa-f]{2}/g;
const BROKEN_PERCENT = /%(?![0-9A-Fa-f]{2})/;
/** Encoded slash, backslash and controls; and a percent sign that would itself form an encoding: double encoding. */
const FORBIDDEN_ENCODED = /%(?:2F|5C|[01][0-9A-F]|7F|25[0-9A-Fa-f]{2})/;

/** The canonical form of a request target in origin-form; or, as text, why it has none. */
export function canonicalUrl(target: string): CanonicalUrl | string {
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark + 1);

  let path = rawPath;
  if (!PLAIN_PATH.test(rawPath)) {
    const slow = canonicalPath(rawPath);
    if (slow.fault !== undefined) return slow.fault;
    path = slow.path;
  }
  if (!PLAIN_QUERY.test(query)) {
    const fault = faultOfQuery(query);
    if (fault !== undefined) return fault;
  }
  return { path, query, target: query === "" ? path : `${path}?${query}` };
}

type Slow = { readonly path: string; readonly fault?: undefined } | { readonly fault: string };

function canonicalPath(raw: string): Slow {
  if (!raw.startsWith("/")) return { fault: "the target is not in origin-form" };
  if (!PATH_CHARACTERS.test(raw)) return { fault: "the path has a character that must be encoded" };
  if (BROKEN_PERCENT.test(raw)) return { fault: "the path has a broken percent-encoding" };
  const path = raw.replace(PERCENT_ENCODED, normaliseEncoded);
  if (AMBIGUOUS_SEGMENT.test(path)) return { fault: "the path has an empty or a dot segment" };
  if (FORBIDDEN_ENCODED.test(path))
    return {
      fault: "the path encodes a slash, a backslash, a control character or a percent-encoding",
    };
  if (!isUtf8(path)) return { fault: "the path is not valid UTF-8" };
  return { path };
}

/** RFC 3986 section 6.2.2: unreserved characters are never encoded, hexadecimal digits are upper case. */
function normaliseEncoded(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
}

function faultOfQuery(query: string): string | undefined {
  if (!QUERY_CHARACTERS.test(query)) return "the query has a character that must be encoded";
  if (BROKEN_PERCENT.test(query)) return "the query has a broken percent-encoding";
  if (query.includes("%00")) return "the query encodes NUL";
  if (!isUtf8(query)) return "the query is not valid UTF-8";
  return undefined;
}

/** Overlong forms, surrogates and broken sequences are no UTF-8 (RFC 3629 section 3); the decoder refuses them. */
function isUtf8(encoded: string): boolean {
  try {
    decodeURIComponent(encoded);
    return true;
  } catch {
    return false;
  }
}
