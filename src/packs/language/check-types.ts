/**
 * Syntax to a typed expression. Every mistake of types in a rule is found at once; an expression with one is never used.
 */
import type { ComparisonOperator, Expression } from "../pack.ts";
import { checkComparison } from "./check-comparison.ts";
import type { LogicFault } from "./logic-fault.ts";
import { typeOperand, type TypedOperand } from "./operand-type.ts";
import type { OperandSyntax, Syntax } from "./syntax.ts";

/** Mistakes told of one rule. */
const FAULT_LIMIT = 20;

/** The expression, or what is wrong with it. */
export type Checked =
  | { readonly expression: Expression }
  | { readonly faults: readonly [LogicFault, ...LogicFault[]] };

export function checkTypes(syntax: Syntax): Checked {
  const checker = new TypeChecker();
  const expression = checker.expression(syntax);
  const [first, ...others] = checker.faults;
  if (first) return { faults: [first, ...others] };
  return { expression };
}

/** Stands for a part with a mistake, so that the parts after it are looked at too. */
const UNKNOWN: Expression = { kind: "literal", value: false };

class TypeChecker {
  readonly faults: LogicFault[] = [];

  expression(syntax: Syntax): Expression {
    switch (syntax.kind) {
      case "and":
      case "or":
        return { kind: syntax.kind, of: syntax.of.map((side) => this.expression(side)) };
      case "not":
        return { kind: "not", of: this.expression(syntax.of) };
      case "operand":
        return this.#alone(syntax.operand);
      case "compare":
        return this.#comparison(syntax);
    }
  }

  #alone(syntax: OperandSyntax): Expression {
    const typed = this.#operand(syntax);
    if (!typed) return UNKNOWN;
    const { operand, type } = typed;
    if (operand.kind === "field" && type === "boolean")
      return { kind: "field", field: operand.field };
    if (operand.kind === "literal" && typeof operand.value === "boolean")
      return { kind: "literal", value: operand.value };
    this.#refuse({
      code: "pack.logic_not_boolean",
      message: `${typed.name} is neither true nor false by itself`,
      hint: "compare it with something",
      at: syntax.at,
    });
    return UNKNOWN;
  }

  #comparison(syntax: Syntax & { kind: "compare" }): Expression {
    const left = this.#operand(syntax.left);
    const right = this.#operand(syntax.right);
    if (!left || !right) return UNKNOWN;
    const operator = syntax.operator as ComparisonOperator;
    const fault = checkComparison(operator, left, right);
    if (fault) {
      const at = fault.side === "left" ? syntax.left.at : syntax.right.at;
      this.#refuse({ ...fault, at });
      return UNKNOWN;
    }
    return { kind: "compare", operator, left: left.operand, right: right.operand };
  }

  #operand(syntax: OperandSyntax): TypedOperand | undefined {
    const typed = typeOperand(syntax);
    if (!("code" in typed)) return typed;
    this.#refuse(typed);
    return undefined;
  }

  #refuse({ code, message, hint, at }: LogicFault): void {
    if (this.faults.length >= FAULT_LIMIT) return;
    this.faults.push(hint === undefined ? { code, message, at } : { code, message, hint, at });
  }
}
