/**
 * What a comparison of a bit asks of a request, in one of few forms, whichever way round it was written. Only what is written
 * counts here, never what a request holds.
 */
import { FIELDS, type FieldName } from "../fields.ts";
import type { ComparisonOperator, Expression, Operand } from "../pack.ts";

type Compare = Extract<Expression, { kind: "compare" }>;

/** Numbers of a request; the time is one that every request has. */
export type NumberName = FieldName | "now()";

/** What is asked of one text; `PREFIX_OF` and the like are a written text compared with a field on the right. */
export type TextTest =
  | { readonly operator: "IN"; readonly texts: readonly string[] }
  | {
      readonly operator: "STARTS_WITH" | "ENDS_WITH" | "CONTAINS" | "MATCHES";
      readonly text: string;
    }
  | { readonly operator: "PREFIX_OF" | "SUFFIX_OF" | "PART_OF"; readonly text: string };

/** Where two fields are compared, what they can be to each other. */
export type Relation =
  | { readonly kind: "order"; readonly left: NumberName; readonly right: NumberName }
  | {
      readonly kind: "text";
      readonly operator: "==" | "STARTS_WITH" | "ENDS_WITH" | "CONTAINS";
      readonly left: FieldName;
      readonly right: FieldName;
    }
  | { readonly kind: "member"; readonly left: FieldName; readonly right: FieldName };

export type Order = "<" | "=" | ">";

export type Comparison =
  | { readonly kind: "boolean"; readonly field: FieldName; readonly value: boolean }
  | { readonly kind: "booleans"; readonly left: FieldName; readonly right: FieldName }
  | {
      readonly kind: "number";
      readonly field: NumberName;
      readonly orders: readonly Order[];
      readonly to: number;
    }
  | { readonly kind: "numbers"; readonly field: NumberName; readonly values: readonly number[] }
  | { readonly kind: "text"; readonly field: FieldName; readonly test: TextTest }
  | { readonly kind: "element"; readonly field: FieldName; readonly text: string }
  | { readonly kind: "relation"; readonly relation: Relation; readonly orders: readonly Order[] }
  /** A field compared with itself: settled wherever the request has it. */
  | { readonly kind: "itself"; readonly field: NumberName; readonly holds: boolean };

/** The comparison asked for; `negated` when it is asked whether it does not hold. */
export interface Asked {
  readonly comparison: Comparison;
  readonly negated: boolean;
}

const ORDERS: Partial<Record<ComparisonOperator, readonly Order[]>> = {
  "==": ["="],
  "<": ["<"],
  "<=": ["<", "="],
  ">": [">"],
  ">=": ["=", ">"],
};
const MIRRORED: Readonly<Record<Order, Order>> = { "<": ">", "=": "=", ">": "<" };
const REVERSED = {
  STARTS_WITH: "PREFIX_OF",
  ENDS_WITH: "SUFFIX_OF",
  CONTAINS: "PART_OF",
} as const;

export function askedBy({ operator, left, right }: Compare): Asked {
  if (operator === "!=")
    return {
      comparison: comparisonOf({ kind: "compare", operator: "==", left, right }),
      negated: true,
    };
  return { comparison: comparisonOf({ kind: "compare", operator, left, right }), negated: false };
}

function comparisonOf(compare: Compare): Comparison {
  const { operator, left, right } = compare;
  if (left.kind === "literal") return writtenFirst(compare, left.value);
  if (left.kind === "list") return impossible(compare);
  const name = nameOf(left);
  if (right.kind === "literal") return withWritten(name, operator, right.value);
  if (right.kind === "list") return withList(name, right.values);
  return ofTwo(compare, name, nameOf(right));
}

const nameOf = (operand: Exclude<Operand, { kind: "literal" | "list" }>): NumberName =>
  operand.kind === "now" ? "now()" : operand.field;

/** The field or time on the left, something written on the right. */
function withWritten(
  name: NumberName,
  operator: ComparisonOperator,
  value: boolean | number | string,
): Comparison {
  if (typeof value === "number")
    return { kind: "number", field: name, orders: ORDERS[operator] ?? [], to: value };
  const field = name as FieldName;
  if (typeof value === "boolean") return { kind: "boolean", field, value };
  if (FIELDS[field] === "list") return { kind: "element", field, text: value };
  if (operator === "MATCHES" || isWithin(operator))
    return { kind: "text", field, test: { operator, text: value } };
  return { kind: "text", field, test: { operator: "IN", texts: [value] } };
}

function withList(name: NumberName, values: readonly string[] | readonly number[]): Comparison {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length > 0) return { kind: "numbers", field: name, values: numbers };
  const texts = values.filter((value) => typeof value === "string");
  return { kind: "text", field: name as FieldName, test: { operator: "IN", texts } };
}

/** Something written on the left, the field or time on the right. */
function writtenFirst(compare: Compare, value: boolean | number | string): Comparison {
  const { operator, right } = compare;
  if (right.kind === "literal" || right.kind === "list") return impossible(compare);
  const name = nameOf(right);
  if (typeof value === "string") {
    const field = name as FieldName;
    if (operator === "IN") return { kind: "element", field, text: value };
    if (isWithin(operator))
      return { kind: "text", field, test: { operator: REVERSED[operator], text: value } };
  }
  const asked = withWritten(name, operator, value);
  return asked.kind === "number" ? { ...asked, orders: mirrored(asked.orders) } : asked;
}

function ofTwo(compare: Compare, left: NumberName, right: NumberName): Comparison {
  const { operator } = compare;
  const orders = ORDERS[operator] ?? [];
  if (left === right)
    return { kind: "itself", field: left, holds: orders.length === 0 || orders.includes("=") };
  const type = left === "now()" ? "number" : FIELDS[left];
  if (type === "number") {
    // One variable for each pair, whichever way round it is written.
    const [first, second] = left < right ? [left, right] : [right, left];
    return {
      kind: "relation",
      relation: { kind: "order", left: first, right: second },
      orders: first === left ? orders : mirrored(orders),
    };
  }
  return ofTwoFields(compare, left as FieldName, right as FieldName);
}

function ofTwoFields(compare: Compare, left: FieldName, right: FieldName): Comparison {
  const { operator } = compare;
  if (FIELDS[left] === "boolean") return { kind: "booleans", left, right };
  const relation = (of: Relation): Comparison => ({
    kind: "relation",
    relation: of,
    orders: ["="],
  });
  if (FIELDS[right] === "list") return relation({ kind: "member", left, right });
  if (FIELDS[left] === "list") return relation({ kind: "member", left: right, right: left });
  if (isWithin(operator)) return relation({ kind: "text", operator, left, right });
  if (operator !== "==") return impossible(compare);
  const [first, second] = left < right ? [left, right] : [right, left];
  return relation({ kind: "text", operator, left: first, right: second });
}

function isWithin(
  operator: ComparisonOperator,
): operator is "STARTS_WITH" | "ENDS_WITH" | "CONTAINS" {
  return operator === "STARTS_WITH" || operator === "ENDS_WITH" || operator === "CONTAINS";
}

const mirrored = (orders: readonly Order[]): Order[] => orders.map((order) => MIRRORED[order]);

/** The reader lets none of these through. */
function impossible({ operator, left, right }: Compare): never {
  throw new Error(`no rule compares ${left.kind} ${operator} ${right.kind}`);
}
