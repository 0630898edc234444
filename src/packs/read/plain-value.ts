/** Values on one line in the plain part of YAML. What is written in any other way is not taken for one. */

export interface PlainValue {
  /** Offsets into the text, quotes and brackets included. */
  readonly start: number;
  readonly end: number;
  readonly content: string | number | readonly PlainValue[];
}

const SINGLE_QUOTED = /'([^'\n]*(?:''[^'\n]*)*)'/y;
const DOUBLE_QUOTED = /"([^"\\\n]*(?:\\["\\][^"\\\n]*)*)"/y;
/** An item of a list in brackets. */
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const REST_OF_LINE = / *(?: #.*)?$/my;
/** Begins like nothing but text. */
const TEXT_START = /^[A-Za-z_/]/;
const NUMBER = /^(?:0|[1-9][0-9]{0,14})$/;
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,3})?Z$/;
/** Words that YAML's core schema reads as something else than text. */
const NOT_TEXT = /^(?:null|true|false)$/i;

/** The value from `at` to the line's end, a comment left aside; undefined when it is not plain. */
export function readPlainValue(text: string, at: number, lineEnd: number): PlainValue | undefined {
  const value =
    text[at] === "[" ? listAt(text, at) : (quotedAt(text, at) ?? bareAt(text, at, lineEnd));
  if (!value || value.end > lineEnd) return undefined;
  return matchAt(REST_OF_LINE, text, value.end) ? value : undefined;
}

function quotedAt(text: string, at: number): PlainValue | undefined {
  const single = matchAt(SINGLE_QUOTED, text, at);
  if (single) return valueOf(single, at, (single[1] as string).replaceAll("''", "'"));
  const double = matchAt(DOUBLE_QUOTED, text, at);
  return double && valueOf(double, at, (double[1] as string).replaceAll(/\\(.)/g, "$1"));
}

/** Without quotes or brackets: all of the line but a comment. */
function bareAt(text: string, at: number, lineEnd: number): PlainValue | undefined {
  const line = text.slice(at, lineEnd);
  const comment = line.indexOf(" #");
  const written = withoutTrailingSpaces(comment < 0 ? line : line.slice(0, comment));
  // It would be a key, or a mistake.
  if (written.includes(": ") || written.endsWith(":") || NOT_TEXT.test(written)) return undefined;
  const end = at + written.length;
  if (NUMBER.test(written)) return { start: at, end, content: Number(written) };
  const isText = TEXT_START.test(written) || INSTANT.test(written);
  return isText ? { start: at, end, content: written } : undefined;
}

/** By hand: a pattern for it tries every run of spaces from each of its places. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (line[end - 1] === " ") end--;
  return line.slice(0, end);
}

function listAt(text: string, at: number): PlainValue | undefined {
  const content: PlainValue[] = [];
  let next = pastSpaces(text, at + 1);
  if (text[next] === "]") return { start: at, end: next + 1, content };
  for (;;) {
    const item = quotedAt(text, next) ?? wordAt(text, next);
    if (!item) return undefined;
    content.push(item);
    next = pastSpaces(text, item.end);
    if (text[next] === "]") return { start: at, end: next + 1, content };
    if (text[next] !== ",") return undefined;
    next = pastSpaces(text, next + 1);
  }
}

function wordAt(text: string, at: number): PlainValue | undefined {
  const word = matchAt(WORD, text, at);
  return word && !NOT_TEXT.test(word[0]) ? valueOf(word, at, word[0]) : undefined;
}

function valueOf(match: RegExpExecArray, start: number, content: string | number): PlainValue {
  return { start, end: start + match[0].length, content };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function pastSpaces(text: string, at: number): number {
  let next = at;
  while (text[next] === " ") next++;
  return next;
}
