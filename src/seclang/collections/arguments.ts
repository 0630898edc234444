/**
 * Arguments to entries: which part a value belongs to, given what the route declares of its field. It must never take the
 * sender's word: a value that is not what was declared is inspected as text.
 */
import { endOfNumber } from "../body/json-tokens.ts";
import type { BodyField } from "../body/parsed-body.ts";
import type { ByteString } from "../byte-string.ts";
import { Entry, type FieldKind, NO_RANGE, PART, type Part } from "./entry.ts";

/** What the route declares of an argument, by its full name. */
export type FieldKinds = (name: ByteString) => FieldKind | undefined;

/**
 * The longest number that no rule reads; 64-bit integers and doubles have at most 25 bytes. Raised, a caller could carry
 * data past the rules in digits.
 */
const MAX_NUMBER_BYTES = 40;

/** How the name of an array's first element ends. */
const FIRST_ELEMENT = ".0";
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** A number, a truth value, or empty, which is what JSON's null is read as. */
function isPlain(value: ByteString): boolean {
  if (value.length > MAX_NUMBER_BYTES) return false;
  const first = value.charCodeAt(0);
  if (first === MINUS || (first >= DIGIT_0 && first <= DIGIT_9)) {
    return endOfNumber(value, 0) === value.length;
  }
  return value === "true" || value === "false" || value === "null" || value === "";
}

/** The part of a value: `origin` (ARGS_GET or ARGS_POST) unless the declared kind says otherwise. */
export function partOfArgument(origin: Part, kind: FieldKind | undefined, value: ByteString): Part {
  if (kind === undefined || kind === "text") return origin;
  if (kind === "prompt") return PART.prompts;
  if (kind === "identifier") return PART.identifiers;
  if (kind === "number") return isPlain(value) ? PART.plain : origin;
  return kind.includes(value) ? PART.plain : origin;
}

/** Adds the entry of each field and of its name; `origin` is ARGS_GET or ARGS_POST. A kind concerns the value only. */
export function addArguments(
  fields: readonly BodyField[],
  origin: Part,
  { entries, fieldKind }: { entries: Entry[]; fieldKind?: FieldKinds | undefined },
): void {
  const names = origin === PART.argsGet ? PART.argsGetNames : PART.argsPostNames;
  for (const field of fields) {
    const { name, value } = field;
    const part = fieldKind === undefined ? origin : partOfArgument(origin, fieldKind(name), value);
    // Ranges are places in the body; those of a query would point at other bytes.
    entries.push(new Entry(part, name, value, origin === PART.argsGet ? NO_RANGE : field));
    entries.push(new Entry(names, name, name));
    if (name.endsWith(FIRST_ELEMENT)) addArrayNames(name, names, entries);
  }
}

/**
 * The names of the arrays that begin with this value. WHY: rules look for names that end in something; put into an array,
 * the same name would end in a number.
 */
function addArrayNames(name: ByteString, names: Part, entries: Entry[]): void {
  let array = name;
  while (array.endsWith(FIRST_ELEMENT)) {
    array = array.slice(0, -FIRST_ELEMENT.length);
    entries.push(new Entry(names, array, array));
  }
}
