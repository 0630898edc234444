/**
 * `@pm`: the value holds one of the words of the argument, ASCII case ignored; it must never read a word as a pattern or
 * expand macros in it: `%{` is text here, as in ModSecurity.
 */
import type { ByteString } from "../byte-string.ts";
import type { OperatorCompiler } from "./operator.ts";
import { matchingPhrases } from "./phrases.ts";

const HEX_RUN = /\|((?:[0-9a-f]{2}[ \t]*)+)\|/gi;
const ESCAPED = /\\([:;\\"])/g;

/**
 * Bytes may be written as in Snort, `|0d 0a|`, and `:` `;` `\` `"` behind a backslash; a `|` that begins no such run
 * stands for itself. The words are split before that, so that a written space stays inside its word.
 */
function unescapeWord(word: ByteString): ByteString {
  return word
    .replace(ESCAPED, "$1")
    .replace(HEX_RUN, (_, digits: string) =>
      String.fromCharCode(
        ...(digits.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => Number.parseInt(pair, 16)),
      ),
    );
}

/** ModSecurity takes one pair of quotes off the whole list. */
const QUOTED = /^\s*"([^]*)"$/;
/** A run of hexadecimal bytes may hold spaces and is still one word. */
const WORD = /(?:\|(?:[0-9a-f]{2}[ \t]*)+\||\S)+/gi;

/** Words are separated by white space; a phrase with a space in it needs `@pmFromFile` or `|20|`. */
export const pm: OperatorCompiler = (argument) => {
  const list = QUOTED.exec(argument)?.[1] ?? argument;
  return matchingPhrases((list.match(WORD) ?? []).map((word) => unescapeWord(word)));
};
