/** Reads rule ids and ranges of them, `942100` or `942000-942999`; it does not ask whether such rules exist. */
import { LIMIT_RULE_ID } from "./action-table.ts";
import type { ByteString } from "../byte-string.ts";
import type { IdRange } from "./ast.ts";

const RANGE = /^(\d{1,10})(?:-(\d{1,10}))?$/;

/** The range a word names, or undefined if it names none. */
export function parseIdRange(word: ByteString): IdRange | undefined {
  const match = RANGE.exec(word.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first >= 1 && last >= first && last <= LIMIT_RULE_ID ? { first, last } : undefined;
}

/** The ranges of a list with spaces or commas, or undefined if one of them is none. */
export function parseIdRanges(list: ByteString): readonly IdRange[] | undefined {
  const ranges: IdRange[] = [];
  for (const word of list.split(/[\s,]+/)) {
    if (word === "") continue;
    const range = parseIdRange(word);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges.length === 0 ? undefined : ranges;
}
