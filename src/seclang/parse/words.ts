/** Cuts a logical line into its arguments by Apache's quoting rules; an open quote is never closed on the writer's behalf. */
import type { ByteString } from "../byte-string.ts";
import { isBlank } from "./lines.ts";
import type { Report } from "./parse-fault.ts";

const BACKSLASH = 0x5c;

/**
 * The arguments of a line, the directive's name first, or undefined after a fault.
 * A word in double or single quotes ends at the same quote; inside, a backslash before that quote or before another
 * backslash is taken away, before anything else it stays. Outside quotes only a doubled backslash is halved.
 */
export function splitWords(line: ByteString, report: Report): ByteString[] | undefined {
  const words: ByteString[] = [];
  let at = 0;
  while (at < line.length) {
    if (isBlank(line.charCodeAt(at))) {
      at++;
      continue;
    }
    const first = line[at];
    const quote = first === '"' || first === "'" ? first : undefined;
    const from = quote === undefined ? at : at + 1;
    const to = endOfWord(line, from, quote);
    if (quote !== undefined && to >= line.length) {
      report("seclang.quote", `the quote ${quote} is never closed`, {
        column: at + 1,
        hint: "a line goes on only if the backslash is its very last character",
      });
      return undefined;
    }
    words.push(unescapeWord(line.slice(from, to), quote));
    at = quote === undefined ? to : to + 1;
    if (at < line.length && !isBlank(line.charCodeAt(at))) {
      report("seclang.quote", "a quoted argument must be followed by a space", {
        column: at + 1,
        hint: `write \\${quote ?? '"'} for a quote inside the argument`,
      });
      return undefined;
    }
  }
  return words;
}

function endOfWord(line: ByteString, from: number, quote: string | undefined): number {
  let at = from;
  while (at < line.length) {
    const isPair = line.charCodeAt(at) === BACKSLASH && at + 1 < line.length;
    if (quote === undefined ? isBlank(line.charCodeAt(at)) : line[at] === quote) return at;
    const next = line[at + 1];
    at += isPair && quote !== undefined && (next === quote || next === "\\") ? 2 : 1;
  }
  return at;
}

function unescapeWord(word: ByteString, quote: string | undefined): ByteString {
  if (!word.includes("\\")) return word;
  const pieces: ByteString[] = [];
  let from = 0;
  for (let at = 0; at < word.length - 1; at++) {
    if (word.charCodeAt(at) !== BACKSLASH) continue;
    const next = word[at + 1];
    if (next !== "\\" && next !== quote) continue;
    pieces.push(word.slice(from, at));
    from = at + 1;
    at++;
  }
  pieces.push(word.slice(from));
  return pieces.join("");
}
