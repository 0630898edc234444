/**
 * The tokens of RFC 8259 over a byte string. Each scanner answers the end of its token, or the complement (`~offset`) of
 * the offset of the first wrong byte; none may look back or accept what the grammar does not.
 */
import type { ByteString } from "../byte-string.ts";
import { lengthOfUtf8, toUtf8 } from "./utf8.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;

/** First offset at or behind `from` that holds none of the four JSON space bytes. */
export function skipSpace(text: ByteString, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

function isHex(code: number): boolean {
  const lower = code | 0x20;
  return isDigit(code) || (lower >= 0x61 && lower <= 0x66);
}

/** Length of the escape whose backslash is at `at`, or 0. */
function lengthOfEscape(text: ByteString, at: number): number {
  const code = text.charCodeAt(at + 1);
  if (code === LOWER_U) {
    for (let digit = 2; digit < 6; digit += 1) {
      if (!isHex(text.charCodeAt(at + digit))) return 0;
    }
    return 6;
  }
  return Number.isNaN(code) || !'"\\/bfnrt'.includes(String.fromCharCode(code)) ? 0 : 2;
}

/**
 * Offset of the closing quote if the string is ASCII without escapes up to it, else -1: most strings are, and are then
 * their own value.
 */
export function endOfPlainString(text: ByteString, from: number): number {
  const { length } = text;
  for (let at = from; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code < 0x20 || code >= 0x80 || code === BACKSLASH) return -1;
  }
  return -1;
}

/** Offset of the closing quote of the string whose first byte behind the opening quote is `from`. */
export function endOfString(text: ByteString, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code < 0x20) return ~at;
    if (code < 0x80 && code !== BACKSLASH) at += 1;
    else {
      const length = code === BACKSLASH ? lengthOfEscape(text, at) : lengthOfUtf8(text, at);
      if (length === 0) return ~at;
      at += length;
    }
  }
  return ~at;
}

function skipDigits(text: ByteString, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at += 1;
  return at;
}

/** End of the number that begins at `from` with a minus or a digit. */
export function endOfNumber(text: ByteString, from: number): number {
  const first = text.charCodeAt(from) === 0x2d ? from + 1 : from;
  if (!isDigit(text.charCodeAt(first))) return ~first;
  // RFC 8259 section 6: a leading zero stands alone; a digit behind it is then an unexpected byte.
  let at = text.charCodeAt(first) === 0x30 ? first + 1 : skipDigits(text, first);
  if (text.charCodeAt(at) === 0x2e) {
    if (!isDigit(text.charCodeAt(at + 1))) return ~(at + 1);
    at = skipDigits(text, at + 1);
  }
  if ((text.charCodeAt(at) | 0x20) === 0x65) {
    const sign = text.charCodeAt(at + 1);
    const digits = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
    if (!isDigit(text.charCodeAt(digits))) return ~digits;
    at = skipDigits(text, digits);
  }
  return at;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

const hexAt = (text: ByteString, at: number): number =>
  Number.parseInt(text.slice(at + 2, at + 6), 16);

/** The code point of the `\u` escape at `at`: of both halves if a surrogate pair stands there. */
function codePointAt(text: ByteString, at: number): number {
  const high = hexAt(text, at);
  if (high < 0xd800 || high > 0xdbff || !text.startsWith("\\u", at + 6)) return high;
  const low = hexAt(text, at + 6);
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : high;
}

/** The bytes a string stands for; `raw` is what `endOfString` accepted, without its quotes. */
export function unescapeString(raw: ByteString): ByteString {
  let escape = raw.indexOf("\\");
  if (escape === -1) return raw;
  let out = "";
  let from = 0;
  while (escape !== -1) {
    out += raw.slice(from, escape);
    const letter = raw[escape + 1] ?? "";
    if (letter === "u") {
      const codePoint = codePointAt(raw, escape);
      out += toUtf8(codePoint);
      from = escape + (codePoint > 0xffff ? 12 : 6);
    } else {
      out += SHORT_ESCAPES[letter] ?? letter;
      from = escape + 2;
    }
    escape = raw.indexOf("\\", from);
  }
  return out + raw.slice(from);
}
