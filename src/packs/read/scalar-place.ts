/**
 * Where a character of a scalar's value stands in the file: quotes and escapes make the two differ. Only scalars on one
 * line are followed; within longer ones the place is where the scalar begins.
 */
import type { Range } from "../../config/source-text.ts";

/** Digits behind the escapes of YAML 1.2 section 5.7 that have any. */
const ESCAPE_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const ASTRAL = 0xffff;

/** The offset into the file's text of the character `at` of the scalar written in `range`. */
export function placeInScalar(text: string, { start, end }: Range, at: number): number {
  const raw = text.slice(start, end);
  if (/[\r\n]/.test(raw)) return start;
  if (raw.startsWith("'")) return start + rawOffset(raw, at, widthInSingleQuotes);
  if (raw.startsWith('"')) return start + rawOffset(raw, at, widthInDoubleQuotes);
  return start + Math.min(at, raw.length);
}

/** Characters as written, and the UTF-16 units of the value they stand for. */
interface Width {
  readonly raw: number;
  readonly value: number;
}

function rawOffset(raw: string, at: number, widthOf: (raw: string, from: number) => Width): number {
  let from = 1;
  let passed = 0;
  while (passed < at && from < raw.length - 1) {
    const width = widthOf(raw, from);
    from += width.raw;
    passed += width.value;
  }
  return from;
}

function widthInSingleQuotes(raw: string, from: number): Width {
  return { raw: raw.startsWith("''", from) ? 2 : 1, value: 1 };
}

function widthInDoubleQuotes(raw: string, from: number): Width {
  if (raw[from] !== "\\") return { raw: 1, value: 1 };
  const digits = ESCAPE_DIGITS[raw[from + 1] ?? ""] ?? 0;
  const point = Number.parseInt(raw.slice(from + 2, from + 2 + digits), 16);
  return { raw: 2 + digits, value: point > ASTRAL ? 2 : 1 };
}
