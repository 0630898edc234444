/**
 * Rules out, by a look at each field, most outputs that cannot fire for a request. It must never rule out one that
 * fires: what it leaves is asked, and what it does not know it leaves.
 */
import { FIELD_NAMES, FIELDS, SLOTS, type FieldName, type PackContext } from "../fields.ts";
import type { Expression, Pack } from "../pack.ts";
import { fullRow, include, intersect, newRow, unite, type BitRow } from "./bit-rows.ts";
import { compileExpression } from "./compile-expression.ts";
import { ConditionFinder, type Condition } from "./necessary-conditions.ts";
import { Patterns } from "./patterns.ts";
import { FALSE, UNDEFINED, type Rule } from "./truth.ts";

/** With fewer outputs, asking each costs less than looking. */
const WORTHWHILE_OUTPUTS = 12;
/** A field that fewer outputs depend on is not looked at. */
const WORTHWHILE_CONDITIONS = 4;
/** Conditions times values of one field: work at load, and memory. Fields with more are not looked at. */
const FIELD_LIMIT = 500_000;
/** Members of a request's list that are looked up. Longer lists rule nothing out, which costs less than going through them. */
const LIST_LIMIT = 64;

interface PlacedCondition extends Condition {
  /** The output's place. */
  readonly output: number;
}

/** The outputs that may fire, by the value of one field. */
interface SingleIndex {
  readonly slot: number;
  readonly type: "boolean" | "string";
  readonly absent: BitRow;
  readonly byValue: ReadonlyMap<unknown, BitRow>;
  /** For a text that the pack does not mention. */
  readonly other: BitRow;
}

/** The outputs that may fire when a list has none of the members mentioned, and those that may besides for each member. */
interface ListIndex {
  readonly slot: number;
  readonly absent: BitRow;
  readonly none: BitRow;
  readonly byMember: ReadonlyMap<string, BitRow>;
}

export class CandidateIndex {
  readonly #all: BitRow;
  readonly #singles: readonly SingleIndex[];
  readonly #lists: readonly ListIndex[];
  readonly #candidates: BitRow;
  readonly #ofList: BitRow;

  private constructor(size: number, singles: readonly SingleIndex[], lists: readonly ListIndex[]) {
    this.#all = fullRow(size);
    this.#singles = singles;
    this.#lists = lists;
    this.#candidates = newRow(size);
    this.#ofList = newRow(size);
  }

  /** Undefined for a pack that gains nothing by it. */
  static of(pack: Pack): CandidateIndex | undefined {
    const size = pack.outputs.length;
    if (size < WORTHWHILE_OUTPUTS) return undefined;
    const finder = new ConditionFinder(pack);
    const conditions = pack.outputs.flatMap((output, place) =>
      finder.of(output).map((condition): PlacedCondition => ({ ...condition, output: place })),
    );
    const singles: SingleIndex[] = [];
    const lists: ListIndex[] = [];
    for (const field of FIELD_NAMES) {
      const own = conditions.filter((condition) => condition.field === field);
      if (own.length < WORTHWHILE_CONDITIONS) continue;
      const values = new Set(own.flatMap(({ expression }) => [...writtenIn(expression)]));
      if (values.size * own.length > FIELD_LIMIT) continue;
      if (FIELDS[field] === "list") lists.push(listIndex(field, own, size));
      else singles.push(singleIndex(field, { conditions: own, values, size }));
    }
    return new CandidateIndex(size, singles, lists);
  }

  /** The outputs that may fire. The row is reused by the next call. */
  candidates(context: PackContext): BitRow {
    const row = this.#candidates;
    row.set(this.#all);
    for (const { slot, type, absent, byValue, other } of this.#singles) {
      const value = context[slot];
      intersect(row, typeof value === type ? (byValue.get(value) ?? other) : absent);
    }
    for (const index of this.#lists) {
      const value = context[index.slot];
      if (!(value instanceof Set)) intersect(row, index.absent);
      else if (value.size <= LIST_LIMIT) intersect(row, this.#withMembers(index, value));
    }
    return row;
  }

  #withMembers({ none, byMember }: ListIndex, members: ReadonlySet<string>): BitRow {
    const row = this.#ofList;
    row.set(none);
    for (const member of members) {
      const besides = byMember.get(member);
      if (besides) unite(row, besides);
    }
    return row;
  }
}

interface FieldConditions {
  readonly conditions: readonly PlacedCondition[];
  readonly values: ReadonlySet<unknown>;
  readonly size: number;
}

function singleIndex(field: FieldName, { conditions, values, size }: FieldConditions): SingleIndex {
  const slot = SLOTS[field];
  const patterns = new Patterns();
  const compiled = conditions.map(({ expression, allowed, output }) => ({
    rule: compileExpression(expression, patterns),
    allowed,
    output,
  }));
  const rowFor = (value: unknown): BitRow => {
    const context: PackContext = FIELD_NAMES.map((name) =>
      name === field ? (value as boolean | string | undefined) : undefined,
    );
    return rowWithout(
      compiled.filter(({ rule, allowed }) => !isAllowed(rule, context, allowed)),
      size,
    );
  };
  const type = FIELDS[field] === "boolean" ? "boolean" : "string";
  const known = type === "boolean" ? [true, false] : [...values];
  return {
    slot,
    type,
    absent: rowFor(undefined),
    byValue: new Map(known.map((value) => [value, rowFor(value)])),
    other: rowFor(otherThan(values)),
  };
}

function isAllowed(rule: Rule, context: PackContext, allowed: number): boolean {
  // No condition depends on the time.
  return (allowed & (1 << rule(context, 0))) !== 0;
}

/** A text that is not among those mentioned. */
function otherThan(values: ReadonlySet<unknown>): string {
  let text = "other";
  while (values.has(text)) text += "+";
  return text;
}

function listIndex(
  field: FieldName,
  conditions: readonly PlacedCondition[],
  size: number,
): ListIndex {
  const needsMember = conditions.filter(({ allowed }) => (allowed & (1 << FALSE)) === 0);
  const needsList = conditions.filter(({ allowed }) => (allowed & (1 << UNDEFINED)) === 0);
  const byMember = new Map<string, BitRow>();
  for (const { expression, output } of needsMember) {
    for (const member of writtenIn(expression)) {
      const row = byMember.get(String(member)) ?? newRow(size);
      include(row, output);
      byMember.set(String(member), row);
    }
  }
  const none = rowWithout(needsMember, size);
  return { slot: SLOTS[field], absent: rowWithout(needsList, size), none, byMember };
}

function rowWithout(ruledOut: readonly { readonly output: number }[], size: number): BitRow {
  const places = new Set(ruledOut.map(({ output }) => output));
  const row = newRow(size);
  for (let place = 0; place < size; place++) if (!places.has(place)) include(row, place);
  return row;
}

/** What a rule compares with. */
function* writtenIn(expression: Expression): Generator<string | number | boolean> {
  switch (expression.kind) {
    case "and":
    case "or":
      for (const side of expression.of) yield* writtenIn(side);
      return;
    case "not":
      yield* writtenIn(expression.of);
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
