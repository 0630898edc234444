/** Joins physical lines into logical ones as Apache does; it never guesses where engines disagree about a comment. */
import type { ByteString } from "../byte-string.ts";

/** A directive's text with its continuations joined. */
export interface LogicalLine {
  readonly text: ByteString;
  /** The first physical line, from 1. */
  readonly line: number;
  /** The last physical line ended in a backslash and the file ended there. */
  readonly isCutOff: boolean;
  /** A comment that ends in a backslash, and the line after it is no comment. */
  readonly isSwallowing: boolean;
}

const COMMENT = /^[ \t]*#/;
/** What most lines of a rule file are: nothing, or a comment that goes no further. */
const EMPTY_OR_COMMENT = /^[ \t]*(?:#(?:.*[^\\\r])?)?$/s;

/**
 * The logical lines of a file, without empty ones and plain comments.
 * WHY a swallowing comment is told: Apache and libmodsecurity join it with the next line, Coraza does not, so that the
 * same file would have one rule more or less.
 */
export function* logicalLines(text: ByteString): Generator<LogicalLine> {
  const lines = text.split("\n");
  for (let index = 0; index < lines.length;) {
    const first = index;
    if (EMPTY_OR_COMMENT.test(lines[first] ?? "")) {
      index++;
      continue;
    }
    const pieces: ByteString[] = [];
    let isOpen = true;
    let isSwallowing = false;
    while (isOpen && index < lines.length) {
      const line = withoutReturn(lines[index] ?? "");
      isOpen = line.endsWith("\\");
      const piece = isOpen ? line.slice(0, -1) : line;
      if (index > first && piece.trim() !== "" && !COMMENT.test(line)) isSwallowing = true;
      pieces.push(piece);
      index++;
    }
    const joined = trimBlanks(pieces.join(""));
    const isComment = joined.startsWith("#");
    if (joined === "" || (isComment && !isSwallowing)) continue;
    yield {
      text: joined,
      line: first + 1,
      isCutOff: isOpen && !isComment,
      isSwallowing: isComment,
    };
  }
}

/** A file with CRLF line ends reads as one with LF. */
function withoutReturn(line: ByteString): ByteString {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Without blanks at both ends. WHY not trim(): it also takes byte 0xA0, a part of UTF-8 letters. */
export function trimBlanks(text: ByteString): ByteString {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** Space, tab, LF, VT, FF or CR. */
export function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
