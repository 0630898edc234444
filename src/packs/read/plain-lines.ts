/** The lines of a text that say something: no empty ones, no comments. */

export interface Line {
  /** Offset of the first character that is no space. */
  readonly at: number;
  /** Spaces before it. */
  readonly indent: number;
  /** Offset behind the last character. */
  readonly end: number;
  /** Begins with "- ". */
  readonly isItem: boolean;
}

/** Undefined for a text with the marks of documents or directives. */
export function linesOf(text: string): Line[] | undefined {
  const lines: Line[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    let at = start;
    while (at < end && text[at] === " ") at++;
    if (at < end && text[at] !== "#") {
      if (at === start && /^(?:---|\.\.\.|%)/.test(text.slice(at, at + 3))) return undefined;
      lines.push({ at, indent: at - start, end, isItem: text.startsWith("- ", at) });
    }
    start = end + 1;
  }
  return lines;
}
