/** An expression to a function. All that can be known before there is a request is settled here, once. */
import { SLOTS } from "../fields.ts";
import type { Expression } from "../pack.ts";
import { compileComparison } from "./compile-comparison.ts";
import { isField } from "./compile-field-test.ts";
import type { Patterns } from "./patterns.ts";
import { FALSE, TRUE, UNDEFINED, type Rule, type Trit } from "./truth.ts";

const ALWAYS: Rule = () => TRUE;
const NEVER: Rule = () => FALSE;

/** Recursive; the depth of a rule is bounded where it is parsed. */
export function compileExpression(expression: Expression, patterns: Patterns): Rule {
  switch (expression.kind) {
    case "literal":
      return expression.value ? ALWAYS : NEVER;
    case "field":
      return isField(SLOTS[expression.field], true);
    case "not":
      return not(compileExpression(expression.of, patterns));
    case "and":
      return and(sidesOf(expression.of, patterns, ALWAYS));
    case "or":
      return or(sidesOf(expression.of, patterns, NEVER));
    case "compare":
      return compileComparison(expression, patterns);
  }
}

/** Without the sides that change nothing. */
function sidesOf(of: readonly Expression[], patterns: Patterns, neutral: Rule): readonly Rule[] {
  return of.map((side) => compileExpression(side, patterns)).filter((side) => side !== neutral);
}

function not(inner: Rule): Rule {
  if (inner === ALWAYS) return NEVER;
  if (inner === NEVER) return ALWAYS;
  return (context, nowSeconds) => {
    const trit = inner(context, nowSeconds);
    return trit === UNDEFINED ? UNDEFINED : trit === TRUE ? FALSE : TRUE;
  };
}

/** False as soon as one side is; else undefined where one is. */
function and(sides: readonly Rule[]): Rule {
  const [first, second] = sides;
  if (sides.includes(NEVER)) return NEVER;
  if (!first) return ALWAYS;
  if (!second) return first;
  if (sides.length === 2) return andPair(first, second);
  return (context, nowSeconds) => {
    let result: Trit = TRUE;
    for (const side of sides) {
      const trit = side(context, nowSeconds);
      if (trit === FALSE) return FALSE;
      if (trit === UNDEFINED) result = UNDEFINED;
    }
    return result;
  };
}

function andPair(first: Rule, second: Rule): Rule {
  return (context, nowSeconds) => {
    const left = first(context, nowSeconds);
    if (left === FALSE) return FALSE;
    const right = second(context, nowSeconds);
    return left === TRUE || right === FALSE ? right : UNDEFINED;
  };
}

/** True as soon as one side is; else undefined where one is. */
function or(sides: readonly Rule[]): Rule {
  const [first, second] = sides;
  if (sides.includes(ALWAYS)) return ALWAYS;
  if (!first) return NEVER;
  if (!second) return first;
  if (sides.length === 2) return orPair(first, second);
  return (context, nowSeconds) => {
    let result: Trit = FALSE;
    for (const side of sides) {
      const trit = side(context, nowSeconds);
      if (trit === TRUE) return TRUE;
      if (trit === UNDEFINED) result = UNDEFINED;
    }
    return result;
  };
}

function orPair(first: Rule, second: Rule): Rule {
  return (context, nowSeconds) => {
    const left = first(context, nowSeconds);
    if (left === TRUE) return TRUE;
    const right = second(context, nowSeconds);
    return left === FALSE || right === TRUE ? right : UNDEFINED;
  };
}
