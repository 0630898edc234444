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

/** The place behind the word that begins at `from`; the line's end where a quote is never closed. */
function endOfWord(line: ByteString, from: number, quote: string | undefined): number {
  if (quote !== undefined) return closingQuote(line, from, quote) ?? line.length;
  let at = from;
  while (at < line.length && !isBlank(line.charCodeAt(at))) at++;
  return at;
}

/** The first quote from `from` on before which no backslash stands, or only doubled ones. */
export function closingQuote(text: ByteString, from: number, quote: string): number | undefined {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    let run = at;
    while (run > from && text.charCodeAt(run - 1) === BACKSLASH) run--;
    if ((at - run) % 2 === 0) return at;
  }
  return undefined;
}

function unescapeWord(word: ByteString, quote: string | undefined): ByteString {
  const pieces: ByteString[] = [];
  let from = 0;
  for (let at = word.indexOf("\\"); at !== -1; at = word.indexOf("\\", at + 1)) {
    const next = word[at + 1];
    if (next === undefined || (next !== "\\" && next !== quote)) continue;
    pieces.push(word.slice(from, at));
    from = at + 1;
    at++;
  }
  if (from === 0) return word;
  pieces.push(word.slice(from));
  return pieces.join("");
}
