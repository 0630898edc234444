/**
 * The rules of a filter that are switched on somewhere, with what was learned about values there: plans and verdicts. It
 * must never be shared between different choices of rules, since both depend on the choice.
 */
import type { ByteString } from "../byte-string.ts";
import type { LiteralFinder } from "../literals/literal-finder.ts";
import type { FilterRule } from "./filter-rule.ts";
import { makePlan, type Plan, type PlanBasis } from "./plan.ts";
import type { RuleLiterals } from "./rule-table.ts";
import { isCached, VerdictCache } from "./verdict-cache.ts";

/** What a filter is built of; immutable. */
export interface FilterBasis extends PlanBasis {
  readonly rules: readonly FilterRule[];
  readonly finder: LiteralFinder;
  readonly ruleLiterals: RuleLiterals;
}

/**
 * The number of plans kept, as a power of two. A caller can make a value for each of as many mixes as he likes; each then
 * costs making a plan, some microseconds, and takes the place of another. Raised, he holds more memory (about two
 * kilobytes each).
 */
const PLAN_SLOT_BITS = 12;

/** Odd numbers with bits all over, so that neighbouring masks lie apart. */
const HASH_MARKS = 0x9e3779b1;
const HASH_KINDS = 0x85ebca6b;
const HASH_PART = 0xc2b2ae35;

const PART_BITS = 32;
const NO_RULES = new Int32Array();

export class FilterSelection {
  readonly basis: FilterBasis;
  private readonly rulesOfPart: readonly Int32Array[];
  private readonly plans: (Plan | undefined)[] = Array.from({ length: 2 ** PLAN_SLOT_BITS });
  private readonly verdicts: readonly VerdictCache[];

  /** `active`: by rule index, 1 for the rules to be looked for. It is copied. */
  constructor(basis: FilterBasis, active: Uint8Array) {
    this.basis = basis;
    this.rulesOfPart = Array.from({ length: PART_BITS }, (_, bit) =>
      Int32Array.from(
        basis.rules
          .filter(({ index, parts }) => active[index] === 1 && ((parts >>> bit) & 1) === 1)
          .map(({ index }) => index),
      ),
    );
    this.verdicts = Array.from({ length: PART_BITS }, () => new VerdictCache());
  }

  /** The plan for values of one collection with these classes. */
  planFor(part: number, marks: number, kinds: number): Plan {
    const bit = 31 - Math.clz32(part);
    const mixed =
      Math.imul(marks, HASH_MARKS) ^ Math.imul(kinds, HASH_KINDS) ^ Math.imul(bit, HASH_PART);
    // The high bits of a product depend on all bits of its factors, the low ones do not.
    const slot = Math.imul(mixed ^ (mixed >>> 15), HASH_MARKS) >>> (32 - PLAN_SLOT_BITS);
    const known = this.plans[slot];
    if (
      known !== undefined &&
      known.marks === marks &&
      known.kinds === kinds &&
      known.part === part
    ) {
      return known;
    }
    const rules = this.rulesOfPart[bit] ?? NO_RULES;
    const plan = makePlan(this.basis, rules, { part, marks, kinds });
    this.plans[slot] = plan;
    return plan;
  }

  /** Where the verdict on the value is kept, if it may be kept at all. */
  verdictsOn(part: number, value: ByteString): VerdictCache | undefined {
    return isCached(part, value) ? this.verdicts[31 - Math.clz32(part)] : undefined;
  }
}
