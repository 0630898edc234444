/**
 * `normalizePath` and `normalizePathWin`: a path without detours. It must never climb above the root of an absolute
 * path, nor drop a `..` that a relative path really climbs.
 */

import type { ByteString } from "../byte-string.ts";

/** An empty, `.` or `..` segment; a path without any is normal already, like one that only ends in a single slash. */
const MAY_CHANGE = /\/\/|(?:^|\/)\.{1,2}(?:\/|$)/;

/**
 * Without empty and `.` segments and with each `..` taken off together with the segment before it. A slash at the end
 * stays one; a path that comes to nothing is empty.
 */
export function normalizePath(value: ByteString): ByteString {
  return MAY_CHANGE.test(value) ? normalizeSegments(value) : value;
}

/** As `normalizePath`, with backslashes as slashes first. */
export function normalizePathWin(value: ByteString): ByteString {
  return normalizePath(value.includes("\\") ? value.replaceAll("\\", "/") : value);
}

function normalizeSegments(path: ByteString): ByteString {
  const isAbsolute = path.startsWith("/");
  const kept: string[] = [];
  for (let start = 0, end = 0; start < path.length; start = end + 1) {
    end = endOfSegment(path, start);
    const segment = path.slice(start, end);
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!isAbsolute) kept.push(segment);
  }
  const root = isAbsolute ? "/" : "";
  const trail = path.endsWith("/") && kept.length > 0 ? "/" : "";
  return root + kept.join("/") + trail;
}

function endOfSegment(path: ByteString, start: number): number {
  const slash = path.indexOf("/", start);
  return slash < 0 ? path.length : slash;
}
