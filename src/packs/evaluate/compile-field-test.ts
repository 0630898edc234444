/**
 * A field against something written down: nearly all of every pack. Each test is one function that looks at one slot, so
 * that a decision takes tens of nanoseconds. A value of another type than the field's is undefined, like none.
 */
import type { LinearPattern } from "../../patterns/linear-pattern.ts";
import { FIELDS, SLOTS, type FieldName } from "../fields.ts";
import type { ComparisonOperator, Operand } from "../pack.ts";
import type { Patterns } from "./patterns.ts";
import { FALSE, TRUE, UNDEFINED, type Rule } from "./truth.ts";

export interface FieldTest {
  readonly operator: ComparisonOperator;
  readonly field: FieldName;
  readonly right: Operand & { readonly kind: "literal" | "list" };
}

export function compileFieldTest({ operator, field, right }: FieldTest, patterns: Patterns): Rule {
  const slot = SLOTS[field];
  if (right.kind === "list") return isOneOf(slot, right.values);
  const { value } = right;
  if (typeof value === "boolean") return isField(slot, value === (operator === "=="));
  if (typeof value === "number") return known(NUMBER_TESTS[operator])(slot, value);
  if (FIELDS[field] === "list") return holds(slot, value);
  if (operator === "MATCHES") return matches(slot, patterns.of(value));
  return known(TEXT_TESTS[operator])(slot, value);
}

/** Which operator takes which types was checked when the pack was read. */
function known<T>(factory: T | undefined): T {
  if (factory === undefined) throw new TypeError("an operator on a type it does not take");
  return factory;
}

/** A boolean field is so. */
export function isField(slot: number, wanted: boolean): Rule {
  return (context) => {
    const value = context[slot];
    return typeof value !== "boolean" ? UNDEFINED : value === wanted ? TRUE : FALSE;
  };
}

type NumberTest = (slot: number, bound: number) => Rule;

// Written so that a value that is no number, or not a number, fails both comparisons.
const isLess: NumberTest = (slot, bound) => (context) => {
  const value = context[slot];
  if (typeof value !== "number") return UNDEFINED;
  return value < bound ? TRUE : value >= bound ? FALSE : UNDEFINED;
};
const isAtMost: NumberTest = (slot, bound) => (context) => {
  const value = context[slot];
  if (typeof value !== "number") return UNDEFINED;
  return value <= bound ? TRUE : value > bound ? FALSE : UNDEFINED;
};
const isMore: NumberTest = (slot, bound) => (context) => {
  const value = context[slot];
  if (typeof value !== "number") return UNDEFINED;
  return value > bound ? TRUE : value <= bound ? FALSE : UNDEFINED;
};
const isAtLeast: NumberTest = (slot, bound) => (context) => {
  const value = context[slot];
  if (typeof value !== "number") return UNDEFINED;
  return value >= bound ? TRUE : value < bound ? FALSE : UNDEFINED;
};
const isNumber: NumberTest = (slot, bound) => (context) => {
  const value = context[slot];
  if (typeof value !== "number" || Number.isNaN(value)) return UNDEFINED;
  return value === bound ? TRUE : FALSE;
};
const isOtherNumber: NumberTest = (slot, bound) => (context) => {
  const value = context[slot];
  if (typeof value !== "number" || Number.isNaN(value)) return UNDEFINED;
  return value === bound ? FALSE : TRUE;
};

const NUMBER_TESTS: Partial<Readonly<Record<ComparisonOperator, NumberTest>>> = {
  "==": isNumber,
  "!=": isOtherNumber,
  "<": isLess,
  "<=": isAtMost,
  ">": isMore,
  ">=": isAtLeast,
};

type TextTest = (slot: number, text: string) => Rule;

const isText: TextTest = (slot, text) => (context) => {
  const value = context[slot];
  return typeof value !== "string" ? UNDEFINED : value === text ? TRUE : FALSE;
};
const isOtherText: TextTest = (slot, text) => (context) => {
  const value = context[slot];
  return typeof value !== "string" ? UNDEFINED : value === text ? FALSE : TRUE;
};
const startsWith: TextTest = (slot, text) => (context) => {
  const value = context[slot];
  return typeof value !== "string" ? UNDEFINED : value.startsWith(text) ? TRUE : FALSE;
};
const endsWith: TextTest = (slot, text) => (context) => {
  const value = context[slot];
  return typeof value !== "string" ? UNDEFINED : value.endsWith(text) ? TRUE : FALSE;
};
const contains: TextTest = (slot, text) => (context) => {
  const value = context[slot];
  return typeof value !== "string" ? UNDEFINED : value.includes(text) ? TRUE : FALSE;
};

const TEXT_TESTS: Partial<Readonly<Record<ComparisonOperator, TextTest>>> = {
  "==": isText,
  "!=": isOtherText,
  STARTS_WITH: startsWith,
  ENDS_WITH: endsWith,
  CONTAINS: contains,
};

/** A list field has this member. */
function holds(slot: number, member: string): Rule {
  return (context) => {
    const value = context[slot];
    return !(value instanceof Set) ? UNDEFINED : value.has(member) ? TRUE : FALSE;
  };
}

/**
 * Instructions of a pattern visited for one text, about a millisecond. Only patterns with large counted repetitions come
 * near it; raised, a caller's text holds the process that much longer for each `MATCHES` of the pack.
 */
const MATCH_WORK = 100_000;

/** A text that would take too long to match is undefined: it must not pass as one that does not match. */
function matches(slot: number, pattern: LinearPattern): Rule {
  return (context) => {
    const value = context[slot];
    const isMatch = typeof value === "string" ? pattern.match(value, MATCH_WORK) : undefined;
    return isMatch === undefined ? UNDEFINED : isMatch ? TRUE : FALSE;
  };
}

function isOneOf(slot: number, values: readonly string[] | readonly number[]): Rule {
  const type = typeof values[0];
  const wanted: ReadonlySet<unknown> = new Set<unknown>(values);
  return (context) => {
    const value = context[slot];
    if (typeof value !== type || Number.isNaN(value)) return UNDEFINED;
    return wanted.has(value) ? TRUE : FALSE;
  };
}
