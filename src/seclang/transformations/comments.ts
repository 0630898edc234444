/**
 * `replaceComments`, `removeComments`, `removeCommentsChar`: comments of C, SQL and HTML, with which a keyword is split
 * in two. A comment that never ends must never hide what follows from the rules that see the untransformed value.
 */

import type { ByteString } from "../byte-string.ts";

const C_OPEN = "/*";
const C_CLOSE = "*/";

/** At one place the longer mark is tried first: `<!--` before `--`. */
const ANY_OPEN = /\/\*|<!--|--|#/g;
const ANY_CLOSE = /\*\/|-->/g;
const ANY_MARK = /\/\*|\*\/|<!--|-->|--|#/g;

/** Each C comment as one space; one that is not closed reaches to the end, a closing mark alone stays. */
export function replaceComments(value: ByteString): ByteString {
  let open = value.indexOf(C_OPEN);
  if (open < 0) return value;
  let out = "";
  let index = 0;
  while (open >= 0) {
    out += `${value.slice(index, open)} `;
    const close = value.indexOf(C_CLOSE, open + C_OPEN.length);
    if (close < 0) return out;
    index = close + C_CLOSE.length;
    open = value.indexOf(C_OPEN, index);
  }
  return out + value.slice(index);
}

/**
 * Without C and HTML comments (either closing mark ends either kind), and cut at the first `--` or `#` outside of one.
 * A comment that is not closed becomes a space.
 */
export function removeComments(value: ByteString): ByteString {
  let out = "";
  let index = 0;
  for (let open = find(ANY_OPEN, value, 0); open !== undefined;) {
    out += value.slice(index, open.start);
    if (open.mark === "--" || open.mark === "#") return out;
    const close = find(ANY_CLOSE, value, open.end);
    if (close === undefined) return `${out} `;
    index = close.end;
    open = find(ANY_OPEN, value, index);
  }
  return index === 0 ? value : out + value.slice(index);
}

/** Without the marks of comments themselves; what was inside of them stays. */
export function removeCommentsChar(value: ByteString): ByteString {
  return value.replace(ANY_MARK, "");
}

interface Mark {
  readonly mark: string;
  readonly start: number;
  readonly end: number;
}

function find(pattern: RegExp, text: ByteString, from: number): Mark | undefined {
  pattern.lastIndex = from;
  const mark = pattern.exec(text)?.[0];
  if (mark === undefined) return undefined;
  return { mark, start: pattern.lastIndex - mark.length, end: pattern.lastIndex };
}
