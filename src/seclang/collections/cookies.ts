/** The cookies of one Cookie header, in the form of Netscape's first draft, which servers still read. It must never decode a value. */
import type { ByteString } from "../byte-string.ts";
import { Entry, PART } from "./entry.ts";

/** White space of C, which ModSecurity skips before names; by hand, since a pattern would be quadratic in long runs. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function trimmed(text: ByteString, start: number, end: number): ByteString {
  let [first, last] = [start, end];
  while (first < last && isSpace(text.charCodeAt(first))) first += 1;
  while (last > first && isSpace(text.charCodeAt(last - 1))) last -= 1;
  return text.slice(first, last);
}

/**
 * Adds REQUEST_COOKIES and REQUEST_COOKIES_NAMES of a header's value: split at each `;` (quotes do not protect it), the
 * name ends at the first `=`. A value without a name is kept, since browsers send it and servers read it.
 */
export function addCookies(header: ByteString, entries: Entry[]): void {
  for (let start = 0; start < header.length;) {
    const next = header.indexOf(";", start);
    const end = next === -1 ? header.length : next;
    const pair = header.slice(start, end);
    start = end + 1;
    const equals = pair.indexOf("=");
    const name = trimmed(pair, 0, equals === -1 ? pair.length : equals);
    const value = equals === -1 ? "" : pair.slice(equals + 1);
    if (name === "" && value === "") continue;
    entries.push(new Entry(PART.requestCookies, name, value));
    if (name !== "") entries.push(new Entry(PART.requestCookiesNames, name, name));
  }
}
