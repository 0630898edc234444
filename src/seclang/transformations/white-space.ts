/** What counts as white space in a transformation; the answer must be the same wherever white space is trimmed, removed or compressed. */

import type { ByteString } from "../byte-string.ts";

const SPACE = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const NO_BREAK_SPACE = 0xa0;
const NO_BREAK_SPACE_LEAD = 0xc2;
const FIRST_NON_ASCII = 0x80;

/** The six bytes of C's `isspace`: space, tab, line feed, vertical tab, form feed, carriage return. */
export function isAsciiSpace(code: number): boolean {
  return code === SPACE || (code >= TAB && code <= CARRIAGE_RETURN);
}

/**
 * How many bytes of white space stand at `index`: 0, 1, or 2 for the no-break space in UTF-8 (C2 A0). A0 alone is the
 * no-break space of latin1; right after a byte of 0x80 or more that was not white space itself, it is part of a
 * character (`à` is C3 A0) and must stay.
 */
export function spaceLengthAt(text: ByteString, index: number, isAfterSpace: boolean): number {
  const code = text.charCodeAt(index);
  if (isAsciiSpace(code)) return 1;
  if (code === NO_BREAK_SPACE_LEAD) return text.charCodeAt(index + 1) === NO_BREAK_SPACE ? 2 : 0;
  if (code !== NO_BREAK_SPACE) return 0;
  return isAfterSpace || !(text.charCodeAt(index - 1) >= FIRST_NON_ASCII) ? 1 : 0;
}
