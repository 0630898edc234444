/** Reads the target list of a rule, `ARGS|!ARGS:/rx/|&TX:foo`; it never widens a target it does not understand. */
import type { ByteString } from "../byte-string.ts";
import type { Selector, Variable } from "./ast.ts";
import { isBlank, trimBlanks } from "./lines.ts";
import { nearestName } from "./nearest-name.ts";
import { shown, type Report } from "./parse-fault.ts";
import { VARIABLES, type VariableShape } from "./variable-table.ts";

/** Where reading stands: each reader moves `at` past what it took. */
interface Cursor {
  readonly text: ByteString;
  at: number;
}

const NAME = /[A-Za-z0-9_]*/y;

/** The targets of a list separated by `|` or `,`; faults are told and the target left out. */
export function parseVariables(text: ByteString, report: Report): readonly Variable[] {
  const cursor: Cursor = { text, at: 0 };
  const variables: Variable[] = [];
  do {
    const variable = readVariable(cursor, report);
    if (variable === undefined) return variables;
    variables.push(variable);
    skipBlanks(cursor);
  } while (takeSeparator(cursor, report));
  return variables;
}

function takeSeparator(cursor: Cursor, report: Report): boolean {
  if (cursor.at >= cursor.text.length) return false;
  if (isSeparator(cursor.text[cursor.at])) {
    cursor.at++;
    return true;
  }
  report("seclang.variable", `expected | before ${shown(cursor.text.slice(cursor.at))}`);
  return false;
}

function readVariable(cursor: Cursor, report: Report): Variable | undefined {
  skipBlanks(cursor);
  const excluded = takeByte(cursor, "!");
  const count = takeByte(cursor, "&");
  const written = takeName(cursor);
  const name = written.toUpperCase();
  const shape = VARIABLES.get(name);
  if (shape === undefined) {
    const hint = () => nearestName(name, VARIABLES.keys());
    const rest = written === "" ? cursor.text.slice(cursor.at) : written;
    report("seclang.variable", `${shown(rest)} is no known variable`, { hint });
    return undefined;
  }
  if (excluded && count) {
    report("seclang.variable", `${name}: a count cannot be excluded`);
    return undefined;
  }
  // WHY the dot: libmodsecurity reads TX.name as TX:name.
  const isSelecting = takeByte(cursor, ":") || (shape === "collection" && takeByte(cursor, "."));
  if (!isSelecting) return { name, count, excluded };
  if (shape === "scalar") {
    report("seclang.selector", `${name} has one value and takes no selector`);
    return undefined;
  }
  const selector = readSelector(cursor, shape, report);
  return selector && { name, count, excluded, selector };
}

function readSelector(cursor: Cursor, shape: VariableShape, report: Report): Selector | undefined {
  const raw = cursor.text[cursor.at] === "'" ? takeQuoted(cursor) : takePlain(cursor, shape);
  if (raw === undefined) {
    report("seclang.selector", `a quote or / is never closed in ${shown(cursor.text)}`);
    return undefined;
  }
  if (raw === "") {
    report("seclang.selector", `an empty selector in ${shown(cursor.text)}`);
    return undefined;
  }
  if (shape === "xml") return { kind: "xpath", path: raw };
  if (raw.startsWith("/")) {
    if (raw.length > 2 && raw.endsWith("/")) return { kind: "regex", source: raw.slice(1, -1) };
    report("seclang.selector", `${shown(raw)} is no complete /pattern/`);
    return undefined;
  }
  return { kind: "key", key: raw, lowerKey: asciiLower(raw) };
}

/** WHY not toLowerCase() alone: it would change bytes above 0x7F, which are parts of UTF-8 letters here. */
function asciiLower(text: ByteString): ByteString {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A selector in single quotes; `\'` and `\\` lose their backslash, others keep it. */
function takeQuoted(cursor: Cursor): ByteString | undefined {
  const { text } = cursor;
  const pieces: ByteString[] = [];
  let from = cursor.at + 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'") {
      cursor.at = at + 1;
      return pieces.join("") + text.slice(from, at);
    }
    if (text[at] !== "\\" || (text[at + 1] !== "'" && text[at + 1] !== "\\")) continue;
    pieces.push(text.slice(from, at));
    from = ++at;
  }
  return undefined;
}

/** A selector without quotes. WHY a pattern ends at `/` before a separator: the pattern itself may hold `|` and `,`. */
function takePlain(cursor: Cursor, shape: VariableShape): ByteString | undefined {
  const { text, at: from } = cursor;
  const isPattern = shape !== "xml" && text[from] === "/";
  let at = isPattern ? from + 1 : from;
  for (; at < text.length; at++) {
    if (isPattern && text[at] === "\\") at++;
    else if (isPattern && text[at] === "/" && isEnd(text, at + 1)) break;
    else if (!isPattern && isSeparator(text[at])) break;
  }
  if (isPattern && at >= text.length) return undefined;
  cursor.at = isPattern ? at + 1 : at;
  return isPattern ? text.slice(from, cursor.at) : trimBlanks(text.slice(from, at));
}

function isEnd(text: ByteString, at: number): boolean {
  return at >= text.length || isSeparator(text[at]) || isBlank(text.charCodeAt(at));
}

function isSeparator(byte: string | undefined): boolean {
  return byte === "|" || byte === ",";
}

function takeByte(cursor: Cursor, byte: string): boolean {
  if (cursor.text[cursor.at] !== byte) return false;
  cursor.at++;
  return true;
}

function takeName(cursor: Cursor): ByteString {
  NAME.lastIndex = cursor.at;
  const name = NAME.exec(cursor.text)?.[0] ?? "";
  cursor.at += name.length;
  return name;
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.at < cursor.text.length && isBlank(cursor.text.charCodeAt(cursor.at))) cursor.at++;
}
