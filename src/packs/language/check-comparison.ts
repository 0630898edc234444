/** Which types each operator takes. It is the table of docs/pack-format.md, and says no to all that is not in it. */
import { LinearPattern } from "../../patterns/linear-pattern.ts";
import { PatternRefused } from "../../patterns/pattern-program.ts";
import type { ComparisonOperator } from "../pack.ts";
import type { LogicFault } from "./logic-fault.ts";
import type { OperandType, TypedOperand } from "./operand-type.ts";

/** Characters of a pattern. What it compiles to is limited too; this bounds the time to find that out. */
const PATTERN_LIMIT = 1_024;

type ComparisonFault = Omit<LogicFault, "at"> & { readonly side: "left" | "right" };

interface OperatorRule {
  readonly takes: readonly OperandType[];
  /** Types of the right side for one of the left. */
  readonly against: (left: OperandType) => readonly OperandType[];
  readonly hint: string;
}

const EQUAL: OperatorRule = {
  takes: ["boolean", "number", "string"],
  against: (left) => [left],
  hint: "to look into a list write IN or CONTAINS",
};
const ORDER: OperatorRule = {
  takes: ["number"],
  against: () => ["number"],
  hint: "it compares numbers",
};
const TEXT: OperatorRule = {
  takes: ["string"],
  against: () => ["string"],
  hint: "it compares texts",
};

const RULES: Readonly<Record<ComparisonOperator, OperatorRule>> = {
  "==": EQUAL,
  "!=": EQUAL,
  "<": ORDER,
  "<=": ORDER,
  ">": ORDER,
  ">=": ORDER,
  IN: {
    takes: ["string", "number"],
    against: (left) => (left === "number" ? ["written numbers"] : ["written strings", "list"]),
    hint: "to its left stands a text or a number, to its right a list",
  },
  STARTS_WITH: TEXT,
  ENDS_WITH: TEXT,
  CONTAINS: {
    takes: ["string", "list"],
    against: () => ["string"],
    hint: "to its left stands a text or a list field, to its right a text",
  },
  MATCHES: TEXT,
};

/** What is wrong with the comparison; undefined when nothing is. */
export function checkComparison(
  operator: ComparisonOperator,
  left: TypedOperand,
  right: TypedOperand,
): ComparisonFault | undefined {
  const { takes, against, hint } = RULES[operator];
  if (!takes.includes(left.type)) {
    const message = `${operator} does not take ${left.name} to its left`;
    return { code: "pack.logic_wrong_operator", message, hint, side: "left" };
  }
  if (!against(left.type).includes(right.type)) {
    const message = `${left.name} is not compared by ${operator} with ${right.name}`;
    return { code: "pack.logic_type_mismatch", message, hint, side: "right" };
  }
  if (operator === "MATCHES") return checkPattern(left, right);
  return isConstant(left) && isConstant(right) ? CONSTANT : undefined;
}

const CONSTANT: ComparisonFault = {
  code: "pack.logic_constant_comparison",
  message: "both sides are written down: the comparison is the same for every request",
  hint: "one side is a field or now(); text in quotes is never a field",
  side: "left",
};

function isConstant({ operand }: TypedOperand): boolean {
  return operand.kind === "literal" || operand.kind === "list";
}

function checkPattern(left: TypedOperand, { operand }: TypedOperand): ComparisonFault | undefined {
  if (operand.kind !== "literal" || typeof operand.value !== "string") {
    const message = "the pattern of MATCHES is not written down";
    const hint =
      "a pattern from a request could mean anything; compare with ==, STARTS_WITH or CONTAINS";
    return { code: "pack.logic_type_mismatch", message, hint, side: "right" };
  }
  if (isConstant(left)) return CONSTANT;
  const reason = whyPatternIsRefused(operand.value);
  if (reason === undefined) return undefined;
  const message = `the pattern cannot be used: ${reason}`;
  return { code: "pack.logic_bad_pattern", message, side: "right" };
}

function whyPatternIsRefused(pattern: string): string | undefined {
  if (pattern.length > PATTERN_LIMIT) return `it has more than ${PATTERN_LIMIT} characters`;
  try {
    void new LinearPattern(pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternRefused)) throw error;
    return error.message.slice(0, PATTERN_LIMIT);
  }
}
