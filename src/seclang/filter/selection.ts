/**
 * The rules of a filter that are switched on somewhere, with what was learned about values there: plans and verdicts. It
 * must never be shared between different choices of rules, since both depend on the choice.
 */
import { Buffer } from "node:buffer";
import type { ByteString } from "../byte-string.ts";
import { PART, type Entry } from "../collections/entry.ts";
import type { LiteralFinder } from "../literals/literal-finder.ts";
import { lowercase } from "../transformations/letter-case.ts";
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
 * costs making a plan, up to 0.1 ms, and takes the place of another. Raised, he holds more memory (about two
 * kilobytes each).
 */
const PLAN_SLOT_BITS = 12;

/** Odd numbers with bits all over, so that neighbouring masks lie apart. */
const HASH_MARKS = 0x9e3779b1;
const HASH_KINDS = 0x85ebca6b;
const HASH_GROUP = 0xc2b2ae35;

const PART_BITS = 32;
const NO_RULES = new Int32Array();

/** Header names are few; a caller who makes up more only has them looked up again, or is inspected by all rules. */
const NAMES_LIMIT = 256;
const NAME_LIMIT_BYTES = 64;
/** Choices of rules by header name; each has plans of its own. Raised, made-up names push more plans out. */
const GROUPS_LIMIT = 64;

export class FilterSelection {
  readonly basis: FilterBasis;
  /** By group: the rules that are looked for. The first 32 are all rules of a part, the others those of some header. */
  private readonly rulesOfGroup: Int32Array[];
  private readonly groupOfRules = new Map<string, number>();
  private readonly groupOfHeader = new Map<ByteString, number>();
  private readonly plans: (Plan | undefined)[] = Array.from({ length: 2 ** PLAN_SLOT_BITS });
  private readonly verdicts: readonly VerdictCache[];

  /** `active`: by rule index, 1 for the rules to be looked for. It is copied. */
  constructor(basis: FilterBasis, active: Uint8Array) {
    this.basis = basis;
    this.rulesOfGroup = Array.from({ length: PART_BITS }, (_, bit) =>
      Int32Array.from(
        basis.rules
          .filter(({ index, parts }) => active[index] === 1 && ((parts >>> bit) & 1) === 1)
          .map(({ index }) => index),
      ),
    );
    this.verdicts = Array.from(
      { length: PART_BITS },
      (_, bit) => new VerdictCache({ waits: 1 << bit === PART.requestHeaders }),
    );
  }

  /** The rules that may read the entry, by number: those that name other headers would be looked for in vain. */
  groupOf({ part, name }: Entry): number {
    const bit = 31 - Math.clz32(part);
    if (part !== PART.requestHeaders || name.length > NAME_LIMIT_BYTES) return bit;
    const known = this.groupOfHeader.get(name);
    if (known !== undefined) return known;
    const lowerName = lowercase(name);
    const rules = (this.rulesOfGroup[bit] ?? NO_RULES).filter(
      (rule) => this.basis.rules[rule]?.reads?.(part, lowerName) !== false,
    );
    const group = this.groupWith(rules) ?? bit;
    if (this.groupOfHeader.size >= NAMES_LIMIT) this.groupOfHeader.clear();
    // A copy: a slice would keep the whole message it was cut from.
    this.groupOfHeader.set(Buffer.from(name, "latin1").toString("latin1"), group);
    return group;
  }

  private groupWith(rules: Int32Array): number | undefined {
    const key = rules.join();
    const known = this.groupOfRules.get(key);
    if (known !== undefined || this.groupOfRules.size >= GROUPS_LIMIT) return known;
    const group = this.rulesOfGroup.push(rules) - 1;
    this.groupOfRules.set(key, group);
    return group;
  }

  /** The plan for values of these classes, of entries of the group. */
  planFor(group: number, marks: number, kinds: number): Plan {
    const mixed =
      Math.imul(marks, HASH_MARKS) ^ Math.imul(kinds, HASH_KINDS) ^ Math.imul(group, HASH_GROUP);
    // The high bits of a product depend on all bits of its factors, the low ones do not.
    const slot = Math.imul(mixed ^ (mixed >>> 15), HASH_MARKS) >>> (32 - PLAN_SLOT_BITS);
    const known = this.plans[slot];
    if (
      known !== undefined &&
      known.marks === marks &&
      known.kinds === kinds &&
      known.group === group
    ) {
      return known;
    }
    const rules = this.rulesOfGroup[group] ?? NO_RULES;
    const plan = makePlan(this.basis, rules, { group, marks, kinds });
    this.plans[slot] = plan;
    return plan;
  }

  /** Where the verdict on the value is kept, if it may be kept at all. */
  verdictsOn(part: number, value: ByteString): VerdictCache | undefined {
    return isCached(part, value) ? this.verdicts[31 - Math.clz32(part)] : undefined;
  }
}
