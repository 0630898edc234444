/**
 * What must hold of single fields for an output to fire, read off its trigger. Conditions may be left out, none may be
 * wrong: they only serve to rule outputs out without asking them.
 */
import { FIELDS, type FieldName } from "../fields.ts";
import type { Expression, Member, Output, Pack, Structure } from "../pack.ts";
import { FALSE, TRUE, UNDEFINED } from "./truth.ts";

/** A set of truth values, as bits. */
export type Truths = number;
export const truths = (...trits: readonly number[]): Truths =>
  trits.reduce((set, trit) => set | (1 << trit), 0);

const NOT_FALSE = truths(TRUE, UNDEFINED);
const NOT_TRUE = truths(FALSE, UNDEFINED);

export interface Condition {
  readonly field: FieldName;
  /** Reads no other field, and compares it only with what is written down, by `==`, `!=`, `IN` or `CONTAINS`. */
  readonly expression: Expression;
  /** The output can only fire when the expression is one of these. */
  readonly allowed: Truths;
}

/** Members and expressions looked at for one pack; joined in every possible way, its wires would take forever. */
const STEP_LIMIT = 200_000;

export class ConditionFinder {
  readonly #expressions: ReadonlyMap<string, Expression>;
  readonly #structures: ReadonlyMap<string, Structure>;
  #steps = 0;

  constructor({ bits, wires }: Pack) {
    this.#expressions = new Map(bits.map(({ id, expression }) => [id, expression]));
    this.#structures = new Map(wires.map(({ id, structure }) => [id, structure]));
  }

  of({ effect, trigger }: Output): readonly Condition[] {
    const firing = effect === "allow" ? truths(TRUE) : NOT_FALSE;
    const found: Condition[] = [];
    const seen = new Set<string>();
    const visit = (member: Member, allowed: Truths): void => {
      if (++this.#steps > STEP_LIMIT) return;
      if (member.kind === "structure") return visitStructure(member.structure, allowed);
      const key = `${allowed} ${member.id}`;
      if (seen.has(key)) return;
      seen.add(key);
      const expression = this.#expressions.get(member.id);
      if (expression) return this.#visitExpression(expression, allowed, found);
      const structure = this.#structures.get(member.id);
      if (structure) visitStructure(structure, allowed);
    };
    const visitStructure = ({ kind, members }: Structure, allowed: Truths): void => {
      if (holdsForAll(kind === "all", members.length, allowed))
        for (const member of members) visit(member, allowed);
    };
    visit(trigger.of, trigger.negated ? negated(firing) : firing);
    return found;
  }

  #visitExpression(expression: Expression, allowed: Truths, found: Condition[]): void {
    if (++this.#steps > STEP_LIMIT) return;
    const field = onlyFieldOf(expression);
    if (field !== undefined) {
      found.push({ field, expression, allowed });
    } else if (expression.kind === "not") {
      this.#visitExpression(expression.of, negated(allowed), found);
    } else if (expression.kind === "and" || expression.kind === "or") {
      if (!holdsForAll(expression.kind === "and", expression.of.length, allowed)) return;
      for (const side of expression.of) this.#visitExpression(side, allowed, found);
    }
  }
}

/** AND is true, or not false, only when all its sides are so; OR is false, or not true, only when all are so. */
function holdsForAll(isAll: boolean, sides: number, allowed: Truths): boolean {
  if (sides === 1) return true;
  return (allowed & ~(isAll ? NOT_FALSE : NOT_TRUE)) === 0;
}

function negated(allowed: Truths): Truths {
  const undefinedToo = allowed & truths(UNDEFINED);
  const toFalse = (allowed & truths(TRUE)) === 0 ? 0 : truths(FALSE);
  const toTrue = (allowed & truths(FALSE)) === 0 ? 0 : truths(TRUE);
  return undefinedToo | toFalse | toTrue;
}

/** The field, when the expression depends on one alone, and on which of few values it has. */
function onlyFieldOf(expression: Expression): FieldName | undefined {
  switch (expression.kind) {
    case "literal":
      return undefined;
    case "field":
      return expression.field;
    case "not": {
      const field = onlyFieldOf(expression.of);
      // What must hold of a list is kept as a plain comparison: one member that is or is not in it.
      return field !== undefined && FIELDS[field] !== "list" ? field : undefined;
    }
    case "and":
    case "or": {
      const [first, ...others] = expression.of.map(onlyFieldOf);
      const isOne = first !== undefined && FIELDS[first] !== "list";
      return isOne && others.every((field) => field === first) ? first : undefined;
    }
    case "compare":
      return fieldCompared(expression);
  }
}

function fieldCompared({
  operator,
  left,
  right,
}: Expression & { readonly kind: "compare" }): FieldName | undefined {
  const [field, written] = left.kind === "field" ? [left.field, right] : [undefined, left];
  const name = field ?? (right.kind === "field" ? right.field : undefined);
  const isWritten = written.kind === "literal" || written.kind === "list";
  if (name === undefined || !isWritten) return undefined;
  const type = FIELDS[name];
  if (type === "number") return undefined;
  const mayStand = type === "list" ? ["IN", "CONTAINS"] : ["==", "!=", "IN"];
  return mayStand.includes(operator) ? name : undefined;
}
