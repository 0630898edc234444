/**
 * A comparison to a function. A value that is absent, or of another type than the field's, makes it undefined, never true
 * or false: what is not known must not decide.
 */
import { FIELDS, SLOTS, type FieldName, type FieldValue, type PackContext } from "../fields.ts";
import type { ComparisonOperator, Expression, Operand } from "../pack.ts";
import { compileFieldTest } from "./compile-field-test.ts";
import type { Patterns } from "./patterns.ts";
import { FALSE, TRUE, UNDEFINED, type Rule } from "./truth.ts";

type Comparison = Expression & { readonly kind: "compare" };

/** With the sides exchanged. */
const MIRRORED: Partial<Readonly<Record<ComparisonOperator, ComparisonOperator>>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

export function compileComparison(comparison: Comparison, patterns: Patterns): Rule {
  const { operator, left, right } = withFieldLeft(comparison);
  if (left.kind === "field" && (right.kind === "literal" || right.kind === "list"))
    return compileFieldTest({ operator, field: left.field, right }, patterns);
  return compileGeneral({ operator, left, right });
}

type Sides = Omit<Comparison, "kind">;

/** `1.3 <= field` is `field >= 1.3`, and `'a' IN field` is `field CONTAINS 'a'`: one way to compile each. */
function withFieldLeft({ operator, left, right }: Comparison): Sides {
  if (left.kind !== "literal" || right.kind !== "field") return { operator, left, right };
  if (operator === "IN") return { operator: "CONTAINS", left: right, right: left };
  const mirrored = MIRRORED[operator];
  return mirrored ? { operator: mirrored, left: right, right: left } : { operator, left, right };
}

type Read = (context: PackContext, nowSeconds: number) => FieldValue | undefined;
type Test = (left: FieldValue, right: FieldValue) => boolean;

/** Two fields, `now()`, or a text that is looked into: rare, so one shape serves all. */
function compileGeneral({ operator, left, right }: Sides): Rule {
  const readLeft = compileOperand(left);
  const readRight = compileOperand(right);
  const test = TESTS[operator];
  return (context, nowSeconds) => {
    const a = readLeft(context, nowSeconds);
    const b = readRight(context, nowSeconds);
    if (a === undefined || b === undefined) return UNDEFINED;
    return test(a, b) ? TRUE : FALSE;
  };
}

function compileOperand(operand: Operand): Read {
  switch (operand.kind) {
    case "field":
      return readField(operand.field);
    case "now":
      return (_, nowSeconds) => (Number.isNaN(nowSeconds) ? undefined : nowSeconds);
    case "literal": {
      const { value } = operand;
      return () => value;
    }
    case "list": {
      const values: ReadonlySet<unknown> = new Set<unknown>(operand.values);
      return () => values as ReadonlySet<string>;
    }
  }
}

/** The value of a field, undefined also when it is of another type. */
function readField(field: FieldName): Read {
  const slot = SLOTS[field];
  const type = FIELDS[field];
  if (type === "list")
    return (context) => (context[slot] instanceof Set ? context[slot] : undefined);
  return (context) => {
    const value = context[slot];
    return typeof value === type && !Number.isNaN(value) ? value : undefined;
  };
}

const has: Test = (list, value) => (list as ReadonlySet<unknown>).has(value);

/** The types of the sides were checked when the pack was read, and those of the values when they were fetched. */
const TESTS: Readonly<Record<ComparisonOperator, Test>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  IN: (a, b) => has(b, a),
  STARTS_WITH: (a, b) => (a as string).startsWith(b as string),
  ENDS_WITH: (a, b) => (a as string).endsWith(b as string),
  CONTAINS: (a, b) => (typeof a === "string" ? a.includes(b as string) : has(a, b)),
  // A pattern stands to the right of a field, always: see `compileFieldTest`.
  MATCHES: () => false,
};
