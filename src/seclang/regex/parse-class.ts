/** Parses what stands for one byte: escapes and bracket classes, as PCRE reads them without UTF mode; must never take a letter escape it does not know for a literal. */
import {
  ByteSet,
  DIGITS,
  HORIZONTAL_SPACES,
  NEWLINE_SET,
  SPACES,
  VERTICAL_SPACES,
  WORD_BYTES,
} from "./byte-set.ts";
import type { PatternReader } from "./pattern-reader.ts";
import type { PatternNode } from "./pattern-tree.ts";

const SHORTHANDS: ReadonlyMap<string, ByteSet> = new Map([
  ["d", DIGITS],
  ["D", DIGITS.complement()],
  ["w", WORD_BYTES],
  ["W", WORD_BYTES.complement()],
  ["s", SPACES],
  ["S", SPACES.complement()],
  ["h", HORIZONTAL_SPACES],
  ["H", HORIZONTAL_SPACES.complement()],
  ["v", VERTICAL_SPACES],
  ["V", VERTICAL_SPACES.complement()],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["a", 0x07],
  ["e", 0x1b],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
]);

const POSIX_CLASSES: ReadonlyMap<string, ByteSet> = new Map([
  ["alpha", ByteSet.of([0x41, 0x5a], [0x61, 0x7a])],
  ["digit", DIGITS],
  ["alnum", ByteSet.of([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a])],
  ["upper", ByteSet.of([0x41, 0x5a])],
  ["lower", ByteSet.of([0x61, 0x7a])],
  ["space", SPACES],
  ["blank", ByteSet.of([0x09, 0x09], [0x20, 0x20])],
  ["punct", ByteSet.of([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e])],
  ["print", ByteSet.of([0x20, 0x7e])],
  ["graph", ByteSet.of([0x21, 0x7e])],
  ["cntrl", ByteSet.of([0x00, 0x1f], [0x7f, 0x7f])],
  ["xdigit", ByteSet.of([0x30, 0x39], [0x41, 0x46], [0x61, 0x66])],
  ["word", WORD_BYTES],
  ["ascii", ByteSet.of([0x00, 0x7f])],
]);

const POSIX_CLASS = /\[:(\^?)([a-z]+):\]/y;

/** One byte, or a class with a name. */
type ClassItem = number | ByteSet;

/** Made once: patterns hold thousands of them, and what is worked out about a set is kept with it. */
const SINGLE_BYTES = Array.from({ length: 256 }, (_, byte) => ByteSet.of([byte, byte]));

/** The set of a single byte. */
export function singleByte(byte: number): ByteSet {
  return SINGLE_BYTES[byte] ?? ByteSet.of([byte, byte]);
}

/**
 * The escape whose backslash has just been read, as a byte or a set. What is special in only one of the two places (a
 * boundary, a reference) must have been handled before.
 */
export function parseByteEscape(reader: PatternReader): ClassItem {
  const start = reader.at - 1;
  const letter = reader.next("an escape");
  const known = SHORTHANDS.get(letter) ?? CONTROLS.get(letter);
  if (known !== undefined) return known;
  if (letter === "x") return hexadecimal(reader, start);
  if (letter === "o") return braced(reader, /\{([0-7]+)\}/y, { radix: 8, start });
  if (letter === "c") {
    const control = reader.next("a control escape").toUpperCase().charCodeAt(0);
    if (control < 0x20 || control > 0x7e)
      reader.refuse("syntax", "\\c needs a printable character", start);
    return control ^ 0x40;
  }
  if (/[0-7]/.test(letter)) {
    reader.at--;
    const octal = reader.take(/[0-7]{1,3}/y)?.[0] ?? "";
    return byteOf(reader, Number.parseInt(octal, 8), start);
  }
  if (letter === "p" || letter === "P" || letter === "X") {
    reader.refuse("unsupported", `\\${letter} is about Unicode, patterns are about bytes`, start);
  }
  if (letter === "u" || letter === "U") {
    reader.refuse("syntax", `PCRE knows no \\${letter}; write the bytes of UTF-8 as \\x..`, start);
  }
  if (/[A-Za-z0-9]/.test(letter)) reader.refuse("syntax", `unknown escape \\${letter}`, start);
  return letter.charCodeAt(0);
}

function hexadecimal(reader: PatternReader, start: number): number {
  if (reader.startsWith("{")) return braced(reader, /\{([0-9A-Fa-f]+)\}/y, { radix: 16, start });
  // PCRE takes \x without digits for a zero byte; nobody means that.
  const digits = reader.take(/[0-9A-Fa-f]{1,2}/y)?.[0];
  if (digits === undefined) reader.refuse("syntax", "\\x needs hexadecimal digits", start);
  return Number.parseInt(digits, 16);
}

function braced(
  reader: PatternReader,
  form: RegExp,
  { radix, start }: { readonly radix: number; readonly start: number },
): number {
  const digits = reader.take(form)?.[1];
  if (digits === undefined)
    reader.refuse("syntax", "braces of an escape need digits and an end", start);
  return byteOf(reader, Number.parseInt(digits, radix), start);
}

function byteOf(reader: PatternReader, value: number, start: number): number {
  if (value > 0xff)
    reader.refuse("syntax", "an escape names more than one byte (over \\xff)", start);
  return value;
}

/** The class whose opening bracket has just been read. */
export function parseBracketClass(reader: PatternReader, ignoresCase: boolean): ByteSet {
  const start = reader.at - 1;
  const isNegated = reader.accept("^");
  const sets: ByteSet[] = [];
  // A bracket right at the beginning closes nothing.
  if (reader.startsWith("]")) sets.push(...rangeOrItem(reader));
  while (!reader.accept("]")) {
    if (reader.isAtEnd()) reader.refuse("syntax", "a bracket class has no end", start);
    sets.push(...rangeOrItem(reader));
  }
  const union = ByteSet.union(sets);
  // Case first, negation second: (?i)[^a] is neither a nor A.
  const cased = ignoresCase ? union.withBothCases() : union;
  return isNegated ? cased.complement() : cased;
}

function rangeOrItem(reader: PatternReader): ByteSet[] {
  const start = reader.at;
  if (reader.accept("\\Q")) return quoted(reader);
  if (reader.accept("\\E")) return [];
  const first = classItem(reader);
  const isRange =
    typeof first === "number" &&
    reader.startsWith("-") &&
    !reader.startsWith("-]") &&
    !reader.startsWith("-[:");
  if (!isRange) return [setOf(first)];
  reader.at++;
  if (reader.startsWith("\\Q") || reader.startsWith("\\E")) {
    reader.refuse("unsupported", "a quotation inside a range", start);
  }
  const last = classItem(reader);
  // [a-\d] is a, a hyphen, and the digits.
  if (typeof last !== "number") return [singleByte(first), singleByte(0x2d), last];
  if (last < first) reader.refuse("syntax", "a range in a class runs backwards", start);
  return [ByteSet.of([first, last])];
}

function quoted(reader: PatternReader): ByteSet[] {
  const sets: ByteSet[] = [];
  while (!reader.accept("\\E")) {
    sets.push(singleByte(reader.next("a quotation in a class").charCodeAt(0)));
  }
  return sets;
}

function classItem(reader: PatternReader): ClassItem {
  const start = reader.at;
  const posix = reader.take(POSIX_CLASS);
  if (posix) {
    const named = POSIX_CLASSES.get(posix[2] ?? "");
    if (!named) reader.refuse("syntax", `unknown class ${posix[0]}`, start);
    return posix[1] ? named.complement() : named;
  }
  if (reader.startsWith("[.") || reader.startsWith("[=")) refuseCollation(reader);
  const character = reader.next("a bracket class");
  if (character !== "\\") return character.charCodeAt(0);
  if (reader.accept("b")) return 0x08;
  if (reader.accept("N") || reader.accept("R") || reader.accept("B")) {
    reader.refuse("syntax", "this escape has no meaning in a class", start);
  }
  return parseByteEscape(reader);
}

/** Only the closed form is a collation; `[.` alone is two ordinary bytes. */
function refuseCollation(reader: PatternReader): void {
  const start = reader.at;
  if (reader.take(/\[([.=])[^\]\\]*\1\]/y)) {
    reader.refuse("unsupported", "collating elements do not exist for bytes", start);
  }
}

function setOf(item: ClassItem): ByteSet {
  return typeof item === "number" ? singleByte(item) : item;
}

/** `\N`: anything but a newline, whatever the flags. */
export const NOT_NEWLINE: ByteSet = NEWLINE_SET.complement();

/** `\R`: one line end of any kind, CRLF never taken apart. */
export const ANY_LINE_END: PatternNode = {
  kind: "atomic",
  item: {
    kind: "alternation",
    items: [
      {
        kind: "sequence",
        items: [
          { kind: "bytes", set: singleByte(0x0d) },
          { kind: "bytes", set: NEWLINE_SET },
        ],
      },
      { kind: "bytes", set: ByteSet.of([0x0a, 0x0d], [0x85, 0x85]) },
    ],
  },
};
