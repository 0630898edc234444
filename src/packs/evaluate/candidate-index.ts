/**
 * Rules out, by a look at each field, most outputs that cannot fire for a request. It must never rule out one that
 * fires: what it leaves is asked, and what it does not know it leaves.
 */
import { FIELD_NAMES, FIELDS, type PackContext } from "../fields.ts";
import type { Pack } from "../pack.ts";
import { fullRow, intersect, newRow, unite, type BitRow } from "./bit-rows.ts";
import {
  listIndex,
  singleIndex,
  valuesIn,
  type ListIndex,
  type PlacedCondition,
  type SingleIndex,
} from "./field-index.ts";
import { ConditionFinder } from "./necessary-conditions.ts";

/** With fewer outputs, asking each costs less than looking. */
const WORTHWHILE_OUTPUTS = 12;
/** A field that fewer outputs depend on is not looked at. */
const WORTHWHILE_CONDITIONS = 4;
/** Values written down for one field, times outputs: work at load, and bits of memory. Fields with more are not looked at. */
const FIELD_LIMIT = 4_000_000;
/** Members of a request's list that are looked up. Longer lists rule nothing out, which costs less than going through them. */
const LIST_LIMIT = 64;

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
      const values = own.reduce((sum, { expression }) => sum + [...valuesIn(expression)].length, 0);
      if (values * size > FIELD_LIMIT) continue;
      if (FIELDS[field] === "list") lists.push(listIndex(field, own, size));
      else singles.push(singleIndex(field, own, size));
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
