/** Cuts an action list at its commas, with single quotes as ModSecurity reads them; it does not know what actions mean. */
import type { ByteString } from "../byte-string.ts";
import { isBlank, trimBlanks } from "./lines.ts";
import { shown, type Report } from "./parse-fault.ts";
import { closingQuote } from "./words.ts";

/** One `name` or `name:value` as written; the outer quotes of the value are gone. */
export interface WrittenAction {
  readonly name: ByteString;
  readonly value?: ByteString;
}

const NAME = /[A-Za-z0-9_]*/y;
const COMMA_OR_QUOTE = /[,']/g;

/** The entries of a list. After a fault the rest of the list is not read: where it begins would be a guess. */
export function splitActions(text: ByteString, report: Report): readonly WrittenAction[] {
  const actions: WrittenAction[] = [];
  let at = 0;
  for (;;) {
    at = afterBlanks(text, at);
    if (at >= text.length) return actions;
    NAME.lastIndex = at;
    const name = NAME.exec(text)?.[0] ?? "";
    const entry = name === "" ? undefined : readEntry(text, at + name.length);
    if (entry === undefined) {
      const detail = {
        hint: "name, name:value or name:'value', with commas between and no quote left open",
      };
      report("seclang.action", `cannot read the action at ${shown(text.slice(at))}`, detail);
      return actions;
    }
    actions.push(entry.value === undefined ? { name } : { name, value: entry.value });
    at = entry.end + 1;
  }
}

/** The value after a name and the index of the comma (or the end) behind it; undefined if there is neither. */
function readEntry(
  text: ByteString,
  from: number,
): { value: ByteString | undefined; end: number } | undefined {
  const at = afterBlanks(text, from);
  if (isListEnd(text, at)) return { value: undefined, end: at };
  if (text[at] !== ":") return undefined;
  const start = afterBlanks(text, at + 1);
  if (text[start] !== "'") {
    const end = endOfPlain(text, start);
    return end === undefined ? undefined : { value: trimBlanks(text.slice(start, end)), end };
  }
  const close = closingQuote(text, start + 1, "'");
  if (close === undefined) return undefined;
  const end = afterBlanks(text, close + 1);
  if (!isListEnd(text, end)) return undefined;
  return { value: text.slice(start + 1, close).replaceAll(/\\(['\\])/g, "$1"), end };
}

/** WHY quotes count inside a plain value: `ctl:...=1;ARGS:'a,b'` holds its own comma. */
function endOfPlain(text: ByteString, from: number): number | undefined {
  for (let at = from; ;) {
    COMMA_OR_QUOTE.lastIndex = at;
    if (!COMMA_OR_QUOTE.test(text)) return text.length;
    const stop = COMMA_OR_QUOTE.lastIndex - 1;
    if (text[stop] === ",") return stop;
    const opens = text[stop - 1] === ":" || text[stop - 1] === "=";
    const close = opens ? closingQuote(text, stop + 1, "'") : stop;
    if (close === undefined) return undefined;
    at = close + 1;
  }
}

function isListEnd(text: ByteString, at: number): boolean {
  return at >= text.length || text[at] === ",";
}

function afterBlanks(text: ByteString, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}
