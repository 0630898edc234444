/**
 * A configuration file as text, for pointing at: offsets to lines and columns, and the line to show beside a message.
 * A range that may hold a secret in the wrong place is hidden and is never shown again.
 */

/** Characters of a line shown on each side of the place meant; longer lines are cut. */
const EXCERPT_REACH = 100;
const HIDDEN_TEXT = "[hidden]";
/** The `user:password@` of a URL. */
const URL_CREDENTIALS = /\/\/[^/@\s"']*@/g;

/** One-based, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A source line fit to be printed, and where its caret goes (zero-based). */
export interface Excerpt {
  readonly line: number;
  readonly text: string;
  readonly caretAt: number;
  readonly caretLength: number;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

export class SourceText {
  /** As the operator named it; stands in messages. */
  readonly name: string;
  readonly text: string;
  readonly #lineStarts: number[];
  readonly #hidden: Range[] = [];

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
    this.#lineStarts = [
      0,
      ...Array.from(text.matchAll(/\r\n|\n|\r/g), ({ index, 0: end }) => index + end.length),
    ];
    for (const { index, 0: match } of text.matchAll(URL_CREDENTIALS))
      this.hide({ start: index + 2, end: index + match.length - 1 });
  }

  position(offset: number): Position {
    const line = this.#lineAt(offset);
    return { line: line + 1, column: offset - this.#startOf(line) + 1 };
  }

  /** Never shows this range in an excerpt again. */
  hide(range: Range): void {
    if (range.end > range.start) this.#hidden.push(range);
  }

  excerpt({ start, end }: Range): Excerpt {
    const line = this.#lineAt(start);
    const from = this.#startOf(line);
    const raw = this.text.slice(from, this.#startOf(line + 1)).replace(/[\r\n]+$/, "");
    const windowFrom = Math.max(0, start - from - EXCERPT_REACH);
    const windowTo = Math.min(raw.length, start - from + EXCERPT_REACH);
    const hidden = this.#hidden
      .map((range) => ({ start: range.start - from, end: range.end - from }))
      .filter((range) => range.end > windowFrom && range.start < windowTo)
      .sort((a, b) => a.start - b.start);
    const text = withoutHidden(raw, { start: windowFrom, end: windowTo }, hidden);
    const before = withoutHidden(raw, { start: windowFrom, end: start - from }, hidden);
    const caretLength = Math.min(end - start, text.length - before.length);
    return { line: line + 1, text, caretAt: before.length, caretLength: Math.max(1, caretLength) };
  }

  #startOf(line: number): number {
    return this.#lineStarts[line] ?? this.text.length;
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#startOf(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function withoutHidden(raw: string, window: Range, hidden: readonly Range[]): string {
  let text = "";
  let at = window.start;
  for (const { start, end } of hidden) {
    if (start >= window.end) break;
    if (end <= at) continue;
    text += toPrintable(raw.slice(at, Math.max(at, start))) + HIDDEN_TEXT;
    at = Math.min(end, window.end);
  }
  return text + toPrintable(raw.slice(at, Math.max(at, window.end)));
}

/** What must not reach a terminal or a log as it is: controls, bidirectional overrides, line separators. */
export const UNPRINTABLE: RegExp =
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]/;
const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE, "g");

/** The text with everything in it that could steer a terminal replaced, length for length. */
export function toPrintable(text: string): string {
  return text.replaceAll("\t", " ").replaceAll(EVERY_UNPRINTABLE, "\u{fffd}");
}
