/** For one field: which outputs may still fire when it has a certain value. Made once, when a pack is loaded. */
import { FIELDS, packContext, SLOTS, type FieldName, type FieldValue } from "../fields.ts";
import type { Expression } from "../pack.ts";
import { exclude, fullRow, include, newRow, type BitRow } from "./bit-rows.ts";
import { compileExpression } from "./compile-expression.ts";
import type { Condition } from "./necessary-conditions.ts";
import { Patterns } from "./patterns.ts";
import { FALSE, UNDEFINED } from "./truth.ts";

export interface PlacedCondition extends Condition {
  /** The output's place. */
  readonly output: number;
}

/** The outputs that may fire, by the value of one field. */
export interface SingleIndex {
  readonly slot: number;
  readonly type: "boolean" | "string";
  readonly absent: BitRow;
  readonly byValue: ReadonlyMap<unknown, BitRow>;
  /** For a text that the pack does not mention. */
  readonly other: BitRow;
}

/** The outputs that may fire when a list has none of the members mentioned, and those that may besides for each member. */
export interface ListIndex {
  readonly slot: number;
  readonly absent: BitRow;
  readonly none: BitRow;
  readonly byMember: ReadonlyMap<string, BitRow>;
}

/** A condition, asked of one value at a time. */
type Ruling = (value: unknown) => boolean;

/**
 * A condition comes out the same for every value that it does not mention. So each is asked for those it mentions and for
 * one other, and not for all that the pack mentions: with long lists that is the difference between a moment and a wait.
 */
export function singleIndex(
  field: FieldName,
  conditions: readonly PlacedCondition[],
  size: number,
): SingleIndex {
  const type = FIELDS[field] === "boolean" ? "boolean" : "string";
  const other = otherThan(conditions);
  const ofAbsent = new Tally(size);
  const ofOther = new Tally(size);
  /** For each value mentioned, what is different from a value that is not. */
  const differences = new Map<unknown, Map<number, number>>();
  for (const condition of conditions) {
    const { output } = condition;
    const rulesOut = rulingOf(field, condition);
    const ofOtherValue = Number(rulesOut(other));
    ofAbsent.add(output, Number(rulesOut(undefined)));
    ofOther.add(output, ofOtherValue);
    const mentioned = type === "boolean" ? [true, false] : new Set(valuesIn(condition.expression));
    for (const value of mentioned) {
      const own = differences.get(value) ?? new Map<number, number>();
      own.set(output, (own.get(output) ?? 0) + Number(rulesOut(value)) - ofOtherValue);
      differences.set(value, own);
    }
  }
  const rows = Array.from(differences, ([value, own]) => [value, ofOther.rowWith(own)] as const);
  const absent = ofAbsent.rowWith(NO_DIFFERENCE);
  return {
    slot: SLOTS[field],
    type,
    absent,
    other: ofOther.rowWith(NO_DIFFERENCE),
    byValue: new Map(rows),
  };
}

const NO_DIFFERENCE: ReadonlyMap<number, number> = new Map();

function rulingOf(field: FieldName, { expression, allowed }: Condition): Ruling {
  const rule = compileExpression(expression, new Patterns());
  const slot = SLOTS[field];
  const context: (FieldValue | undefined)[] = [...packContext({})];
  return (value) => {
    context[slot] = value as FieldValue | undefined;
    // No condition depends on the time.
    return (allowed & (1 << rule(context, 0))) === 0;
  };
}

/** For each output, how many of its conditions rule it out. */
class Tally {
  readonly #counts: Uint32Array;

  constructor(size: number) {
    this.#counts = new Uint32Array(size);
  }

  add(output: number, count: number): void {
    this.#counts[output] = (this.#counts[output] as number) + count;
  }

  /** The outputs that nothing rules out once the counts have changed so. */
  rowWith(differences: ReadonlyMap<number, number>): BitRow {
    const row = fullRow(this.#counts.length);
    for (const [output, count] of this.#counts.entries()) if (count > 0) exclude(row, output);
    for (const [output, difference] of differences) {
      const isOut = (this.#counts[output] as number) + difference > 0;
      if (isOut) exclude(row, output);
      else include(row, output);
    }
    return row;
  }
}

/** A text that no condition mentions. */
function otherThan(conditions: readonly Condition[]): string {
  const mentioned = new Set(conditions.flatMap(({ expression }) => [...valuesIn(expression)]));
  let text = "other";
  while (mentioned.has(text)) text += "+";
  return text;
}

export function listIndex(
  field: FieldName,
  conditions: readonly PlacedCondition[],
  size: number,
): ListIndex {
  const needsMember = conditions.filter(({ allowed }) => (allowed & (1 << FALSE)) === 0);
  const needsList = conditions.filter(({ allowed }) => (allowed & (1 << UNDEFINED)) === 0);
  const byMember = new Map<string, BitRow>();
  for (const { expression, output } of needsMember) {
    for (const member of valuesIn(expression)) {
      const row = byMember.get(String(member)) ?? newRow(size);
      include(row, output);
      byMember.set(String(member), row);
    }
  }
  const none = rowWithout(needsMember, size);
  return { slot: SLOTS[field], absent: rowWithout(needsList, size), none, byMember };
}

function rowWithout(ruledOut: readonly { readonly output: number }[], size: number): BitRow {
  const row = fullRow(size);
  for (const { output } of ruledOut) exclude(row, output);
  return row;
}

/** What a rule compares with. */
export function* valuesIn(expression: Expression): Generator<string | number | boolean> {
  switch (expression.kind) {
    case "and":
    case "or":
      for (const side of expression.of) yield* valuesIn(side);
      return;
    case "not":
      yield* valuesIn(expression.of);
      return;
    case "compare":
      for (const operand of [expression.left, expression.right]) {
        if (operand.kind === "literal") yield operand.value;
        if (operand.kind === "list") yield* operand.values;
      }
      return;
    case "literal":
    case "field":
      return;
  }
}
