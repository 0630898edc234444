/**
 * The request-target, taken apart as the variables of ModSecurity show it. It must never normalise: `..` and doubled
 * slashes are what rules look for.
 */
import type { ByteString } from "../byte-string.ts";

export interface RequestTarget {
  /**
   * REQUEST_FILENAME: percent escapes of the path undone once (`+` is no space there). ModSecurity 2 shows it so from
   * phase 2 on, and version 3 and Coraza in every phase.
   */
  readonly path: ByteString;
  /** QUERY_STRING, as it was sent; undefined without a question mark. */
  readonly query: ByteString | undefined;
  /** REQUEST_URI: the decoded path and the query as it was sent, without scheme, authority and fragment. */
  readonly uri: ByteString;
  /** REQUEST_BASENAME: what follows the last slash or backslash of the path. */
  readonly baseName: ByteString;
  /** Host and port of an absolute-form target, userinfo included; else empty. */
  readonly authority: ByteString;
  /** What follows the first `#`, as it was sent; empty for all honest clients, which never send it. */
  readonly fragment: ByteString;
}

/** RFC 9112 section 3.2.2. */
const ABSOLUTE_FORM = /^[a-z][a-z\d+.-]*:\/\/([^/?#\\]*)/i;

const SLASH = 0x2f;

function decodePath(path: ByteString): ByteString {
  if (!path.includes("%")) return path;
  return path.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Reads origin, absolute and asterisk form; a target in none of them (authority form, too) counts as a path. */
export function splitTarget(target: ByteString): RequestTarget {
  const absolute = target.charCodeAt(0) === SLASH ? null : ABSOLUTE_FORM.exec(target);
  const start = absolute === null ? 0 : absolute[0].length;
  const hash = target.indexOf("#", start);
  const end = hash === -1 ? target.length : hash;
  const mark = target.indexOf("?", start);
  const hasQuery = mark !== -1 && mark < end;
  const raw = target.slice(start, hasQuery ? mark : end);
  // RFC 9110 section 4.2.3: an empty path of an absolute URI is "/".
  const path = raw === "" && absolute !== null ? "/" : decodePath(raw);
  const query = hasQuery ? target.slice(mark + 1, end) : undefined;
  return {
    path,
    query,
    uri: query === undefined ? path : `${path}?${query}`,
    baseName: path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1),
    authority: absolute?.[1] ?? "",
    fragment: target.slice(end + 1),
  };
}
