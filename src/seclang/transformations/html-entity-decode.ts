/**
 * `htmlEntityDecode`: character references of HTML. Each becomes one byte; a name this file does not know stays as it
 * is, and text after a reference must never get lost with it.
 */

import type { ByteString } from "../byte-string.ts";
import { hexDigitAt } from "./hex-digits.ts";
import { openScratch, readScratch } from "./scratch.ts";

const AMPERSAND = 0x26;
const NUMBER_SIGN = 0x23;
const SEMICOLON = 0x3b;
const LOWER_X_MASKED = 0x78;
const LETTER_CASE_BIT = 0x20;

/** Names that browsers also accept without a semicolon, so `&ltscript` is `<script`. In any letter case, as in rules. */
const OPEN_NAMES: readonly (readonly [name: string, byte: number])[] = [
  ["quot", 0x22],
  ["nbsp", 0xa0],
  ["amp", 0x26],
  ["lt", 0x3c],
  ["gt", 0x3e],
];

/** ASCII characters by a name that needs its semicolon; exact letter case, as HTML has it. */
const CLOSED_NAMES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    Tab: "\t",
    NewLine: "\n",
    excl: "!",
    num: "#",
    dollar: "$",
    percnt: "%",
    apos: "'",
    lpar: "(",
    rpar: ")",
    ast: "*",
    midast: "*",
    plus: "+",
    comma: ",",
    period: ".",
    sol: "/",
    colon: ":",
    semi: ";",
    equals: "=",
    quest: "?",
    commat: "@",
    lsqb: "[",
    lbrack: "[",
    bsol: "\\",
    rsqb: "]",
    rbrack: "]",
    Hat: "^",
    lowbar: "_",
    UnderBar: "_",
    grave: "`",
    DiacriticalGrave: "`",
    lcub: "{",
    lbrace: "{",
    verbar: "|",
    vert: "|",
    VerticalLine: "|",
    rcub: "}",
    rbrace: "}",
  }).map(([name, character]) => [name, character.charCodeAt(0)]),
);

const LONGEST_CLOSED_NAME = Math.max(...[...CLOSED_NAMES.keys()].map((name) => name.length));

interface Reference {
  readonly byte: number;
  readonly endIndex: number;
}

/**
 * `&#DD`, `&#xHH` (any number of digits, the low byte counts), `&quot &amp &lt &gt &nbsp` (each with or without `;`)
 * and the named ASCII punctuation of HTML 5 (with `;`).
 */
export function htmlEntityDecode(value: ByteString): ByteString {
  if (!value.includes("&")) return value;
  const out = openScratch(value.length);
  let length = 0;
  for (let index = 0; index < value.length;) {
    const code = value.charCodeAt(index);
    const reference = code === AMPERSAND ? readReference(value, index + 1) : undefined;
    out[length++] = reference?.byte ?? code;
    index = reference?.endIndex ?? index + 1;
  }
  return length === value.length ? value : readScratch(out, length);
}

function readReference(text: ByteString, start: number): Reference | undefined {
  if (text.charCodeAt(start) !== NUMBER_SIGN) return readName(text, start);
  const isHex = (text.charCodeAt(start + 1) | LETTER_CASE_BIT) === LOWER_X_MASKED;
  return isHex ? readNumber(text, start + 2, 16) : readNumber(text, start + 1, 10);
}

/** Leading zeros may go on for ever (`&#0000060;`), so digits are not counted and only the low byte is kept. */
function readNumber(text: ByteString, start: number, radix: number): Reference | undefined {
  let index = start;
  let byte = 0;
  for (; ; index += 1) {
    const digit = hexDigitAt(text, index);
    if (digit < 0 || digit >= radix) break;
    byte = (byte * radix + digit) & 0xff;
  }
  return index === start ? undefined : { byte, endIndex: skipSemicolon(text, index) };
}

function readName(text: ByteString, start: number): Reference | undefined {
  if (!isLetter(text.charCodeAt(start))) return undefined;
  for (const [name, byte] of OPEN_NAMES) {
    if (startsWithIgnoringCase(text, start, name)) {
      return { byte, endIndex: skipSemicolon(text, start + name.length) };
    }
  }
  const end = endOfLetters(text, start);
  if (text.charCodeAt(end) !== SEMICOLON) return undefined;
  const byte = CLOSED_NAMES.get(text.slice(start, end));
  return byte === undefined ? undefined : { byte, endIndex: end + 1 };
}

function endOfLetters(text: ByteString, start: number): number {
  let index = start;
  while (index - start < LONGEST_CLOSED_NAME && isLetter(text.charCodeAt(index))) index += 1;
  return index;
}

function isLetter(code: number): boolean {
  const lower = code | LETTER_CASE_BIT;
  return lower >= 0x61 && lower <= 0x7a;
}

/** `name` is lower case letters only, so setting the case bit of the text cannot make another byte equal. */
function startsWithIgnoringCase(text: ByteString, start: number, name: string): boolean {
  for (let offset = 0; offset < name.length; offset += 1) {
    const code = text.charCodeAt(start + offset);
    if ((code | LETTER_CASE_BIT) !== name.charCodeAt(offset)) return false;
  }
  return true;
}

function skipSemicolon(text: ByteString, index: number): number {
  return text.charCodeAt(index) === SEMICOLON ? index + 1 : index;
}
