/**
 * The tokens of RFC 8259, measured in place: how far white space, a number, a literal or an escape reaches. These run
 * for every byte of every body, so they must allocate nothing and never look beyond the end.
 */

const UNICODE_ESCAPE = 0x75;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LITERALS = [Buffer.from("true"), Buffer.from("false"), Buffer.from("null")];

/** What may follow a backslash besides `u` (RFC 8259 section 7). */
const SHORT_ESCAPES = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) SHORT_ESCAPES[byte] = 1;

/** Offset of the first byte at or behind `at` that is not white space (RFC 8259 section 2). */
export function skipSpace(body: Buffer, at: number): number {
  while (at < body.length) {
    const byte = body[at] as number;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
    at++;
  }
  return at;
}

/** Bytes that end the plain run of a string: its closing quote, a backslash, and control characters, which may not be. */
const STOPS = new Uint8Array(256).fill(1, 0, 0x20);
STOPS[0x22] = 1;
STOPS[0x5c] = 1;

/** Offset of the first byte at or behind `at` that is not a plain byte of a string. */
export function skipPlain(body: Buffer, at: number): number {
  const end = body.length;
  while (at < end && STOPS[body[at] as number] === 0) at++;
  return at;
}

/** Bytes of the number at `at`; 0 when none begins there, negative the bytes up to where it goes wrong. */
export function lengthOfNumber(body: Buffer, from: number): number {
  let at = from;
  if (byteAt(body, at) === MINUS) at++;
  const lead = at;
  at = skipDigits(body, at);
  if (at === lead) return from - at;
  if (body[lead] === ZERO && at > lead + 1) return from - lead - 1;
  if (byteAt(body, at) === POINT) {
    const fraction = at + 1;
    at = skipDigits(body, fraction);
    if (at === fraction) return from - at;
  }
  if (isExponent(byteAt(body, at))) {
    at++;
    const sign = byteAt(body, at);
    if (sign === PLUS || sign === MINUS) at++;
    const exponent = at;
    at = skipDigits(body, at);
    if (at === exponent) return from - at;
  }
  return at - from;
}

/** Longest run of digits that is surely below 1.8e308, the largest finite double. */
const SURELY_FINITE_DIGITS = 300;

/** Whether a well-formed number is finite as a double; converts only those that may not be. */
export function isFiniteNumber(body: Buffer, from: number, length: number): boolean {
  let mayOverflow = length > SURELY_FINITE_DIGITS;
  for (let at = from; at < from + length && !mayOverflow; at++) {
    mayOverflow = isExponent(body[at] as number);
  }
  return !mayOverflow || Number.isFinite(Number(body.toString("latin1", from, from + length)));
}

/** Bytes of `true`, `false` or `null` at `at`; 0 when none of them stands there. */
export function lengthOfLiteral(body: Buffer, at: number): number {
  for (const literal of LITERALS) {
    const end = at + literal.length;
    if (body[at] === literal[0] && end <= body.length) {
      return body.compare(literal, 0, literal.length, at, end) === 0 ? literal.length : 0;
    }
  }
  return 0;
}

/** Bytes of the escape whose backslash is at `at`; 0 when malformed, -1 for half of a surrogate pair. */
export function lengthOfEscape(body: Buffer, at: number): number {
  const kind = byteAt(body, at + 1);
  if (kind !== UNICODE_ESCAPE) return kind >= 0 && SHORT_ESCAPES[kind] === 1 ? 2 : 0;
  const unit = unitAt(body, at + 2);
  if (unit < 0) return 0;
  if (unit < 0xd800 || unit > 0xdfff) return 6;
  // RFC 7493 section 2.1: strings MUST NOT include escapes that name half a pair; parsers differ on what they mean.
  if (unit > 0xdbff || byteAt(body, at + 6) !== 0x5c) return -1;
  if (byteAt(body, at + 7) !== UNICODE_ESCAPE) return -1;
  const low = unitAt(body, at + 8);
  if (low < 0) return 0;
  return low >= 0xdc00 && low <= 0xdfff ? 12 : -1;
}

/** The four hexadecimal digits at `at` as a UTF-16 unit, or -1. */
function unitAt(body: Buffer, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const digit = hexValue(byteAt(body, i));
    if (digit < 0) return -1;
    unit = (unit << 4) | digit;
  }
  return unit;
}

function hexValue(byte: number): number {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 && byte > 0 ? lower - 0x57 : -1;
}

function skipDigits(body: Buffer, at: number): number {
  while (at < body.length && (body[at] as number) >= ZERO && (body[at] as number) <= NINE) at++;
  return at;
}

function isExponent(byte: number): boolean {
  return byte === 0x65 || byte === 0x45;
}

/** The byte, or -1 behind the end: a read outside the buffer would make every later read slower. */
function byteAt(body: Buffer, at: number): number {
  return at < body.length ? (body[at] as number) : -1;
}
