/**
 * What is to be done with values of one group of entries and one mix of byte classes: which transformations can matter, and
 * which rules. A plan must never leave out a rule that could match any such value.
 */
import { BARE_EFFECT, VARIABLE_MARK, bare } from "./bare-literals.ts";
import { overlaps, union, maskOf, type ByteMask } from "./byte-classes.ts";
import { ROOT, type ChainTrie } from "./chain-trie.ts";
import { hasAllSets, isDirect, mayHold, type RuleConditions } from "./rule-table.ts";
import { effectOf, type Effect } from "./chain-effects.ts";
import type { Transformation } from "../transformations/transformation.ts";

/** One thing that chains make of the value; step 0 is the value itself. */
export interface PlanStep {
  /** The step whose result is transformed. */
  readonly parent: number;
  /** Absent: the value itself. */
  readonly transformation: Transformation | undefined;
  /** Whether it may change any value; otherwise only one with a class of `triggers`. */
  readonly isAlways: boolean;
  readonly triggers: ByteMask;
  /** Without a class of these it changes nothing but the case of ASCII letters. */
  readonly changes: ByteMask;
  /** The classes that the result can hold. */
  readonly bound: ByteMask;
  /** Rules to be tested without a literal, if the classes of the result allow it. */
  readonly direct: readonly number[];
  /** Whether any rule waits for a literal in it. */
  readonly needsScan: boolean;
}

export interface Plan {
  /** Whose rules these are: a number of the selection's. */
  readonly group: number;
  readonly marks: number;
  readonly kinds: number;
  /** Parents before children. None: no rule can match. */
  readonly steps: readonly PlanStep[];
  /** By rule: the step on whose result it is tested, or NOT_LIVE. */
  readonly stepOf: Int16Array;
  /** By lookup: the step in whose result its literals count, or NOT_LIVE. */
  readonly scanOf: Int16Array;
}

export const NOT_LIVE = -1;

/** What plans are made from. */
export interface PlanBasis {
  readonly trie: ChainTrie;
  /** By rule index. */
  readonly conditions: readonly RuleConditions[];
  /** By rule index. */
  readonly nodeOfRule: Int32Array;
  /** By rule index: the first rule of its family, often itself. */
  readonly familyOf: Int32Array;
}

interface Draft {
  readonly parent: number;
  readonly transformation: Transformation | undefined;
  readonly effect: Effect;
  readonly bound: ByteMask;
  readonly folded: ByteMask;
  readonly direct: number[];
  /** Rules that are tested on it if a literal was found. */
  readonly awaiting: number[];
  /** Lookups whose literals count in it. */
  readonly lookups: number[];
}

/** What `after` has to know of a transformation. */
interface Change {
  readonly name: string;
  readonly transformation: Transformation;
  readonly effect: Effect;
}

const NO_EFFECT = effectOf("none");
const UPPER = maskOf("A");
const LOWER = maskOf("a");

/** `rules` are the rules that read the group. */
export function makePlan(
  basis: PlanBasis,
  rules: Int32Array,
  value: { readonly group: number } & ByteMask,
): Plan {
  const drafts = new StepDrafts(basis.trie, value);
  const asked = new Map<number, number[]>();
  for (const rule of rules) {
    const conditions = basis.conditions[rule];
    if (conditions === undefined) continue;
    const step = drafts.stepOf(basis.nodeOfRule[rule] ?? ROOT);
    const draft = drafts.at(step);
    const family = basis.familyOf[rule] ?? rule;
    const steps = asked.get(family);
    if (steps?.includes(step) === true) continue;
    if (steps === undefined) asked.set(family, [step]);
    else steps.push(step);
    if (!hasAllSets(conditions, draft.bound.marks, draft.bound.kinds)) continue;
    const { bareLiterals } = conditions;
    const isBare = bareLiterals !== undefined && !overlaps(draft.bound, VARIABLE_MARK);
    if (!isBare && isDirect(conditions, draft.bound)) draft.direct.push(rule);
    const scanned = isBare ? drafts.at(drafts.bareOf(step)) : draft;
    if (!mayHold(isBare ? bareLiterals : conditions.literals, scanned.folded)) continue;
    draft.awaiting.push(rule);
    scanned.lookups.push(rule * 2 + (isBare ? 1 : 0));
  }
  const { group, marks, kinds } = value;
  const stepOf = new Int16Array(basis.conditions.length).fill(NOT_LIVE);
  const scanOf = new Int16Array(basis.conditions.length * 2).fill(NOT_LIVE);
  return { group, marks, kinds, steps: drafts.finish(stepOf, scanOf), stepOf, scanOf };
}

/** The steps that chains lead to; chains that do the same to such values share them. */
class StepDrafts {
  private readonly drafts: Draft[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly draftOf: Int32Array;
  private readonly trie: ChainTrie;

  constructor(trie: ChainTrie, value: ByteMask) {
    this.trie = trie;
    this.draftOf = new Int32Array(trie.nodes.length).fill(NOT_LIVE);
    const mask = { marks: value.marks, kinds: value.kinds };
    this.add({ parent: ROOT, transformation: undefined, effect: NO_EFFECT, bound: mask });
  }

  /** The step that computes the node. */
  stepOf(node: number): number {
    if (node === ROOT) return 0;
    const known = this.draftOf[node] ?? NOT_LIVE;
    if (known !== NOT_LIVE) return known;
    const { parent, name, transformation, effect } = this.nodeAt(node);
    const step = this.after(this.stepOf(parent), { name, transformation, effect });
    this.draftOf[node] = step;
    return step;
  }

  /** The step that takes the marks out of what another one makes. */
  bareOf(step: number): number {
    return this.after(step, { name: "bare", transformation: bare, effect: BARE_EFFECT });
  }

  /** Numbers the steps that matter, and tells rules and lookups theirs. */
  finish(stepOf: Int16Array, scanOf: Int16Array): PlanStep[] {
    const isNeeded = this.drafts.map(
      ({ direct, awaiting, lookups }) => direct.length + awaiting.length + lookups.length > 0,
    );
    for (let at = this.drafts.length - 1; at > 0; at -= 1) {
      if (isNeeded[at] === true) isNeeded[this.at(at).parent] = true;
    }
    const steps: PlanStep[] = [];
    const renumbered: number[] = [];
    for (const [at, draft] of this.drafts.entries()) {
      if (isNeeded[at] !== true) continue;
      const { transformation, effect, bound, direct, awaiting, lookups } = draft;
      const number = steps.length;
      renumbered[at] = number;
      for (const rule of direct) stepOf[rule] = number;
      for (const rule of awaiting) stepOf[rule] = number;
      for (const lookup of lookups) scanOf[lookup] = number;
      const parent = renumbered[draft.parent] ?? ROOT;
      const needsScan = lookups.length > 0;
      const { triggers, changes, isAlways = false } = effect;
      const change = { transformation, isAlways, triggers, changes };
      steps.push({ ...change, parent, bound, direct, needsScan });
    }
    return steps;
  }

  at(number: number): Draft {
    const draft = this.drafts[number];
    if (draft === undefined) throw new RangeError("there is no such step");
    return draft;
  }

  private after(parent: number, { name, transformation, effect }: Change): number {
    const { bound } = this.at(parent);
    const isAlways = effect.isAlways === true;
    if (!isAlways && !overlaps(effect.triggers, bound)) return parent;
    const key = `${parent} ${name}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.add({ parent, transformation, effect, bound: effect.result(bound) });
    this.numbers.set(key, number);
    return number;
  }

  private nodeAt(node: number) {
    const found = this.trie.nodes[node];
    if (found === undefined) throw new RangeError("there is no such chain");
    return found;
  }

  private add(step: Pick<Draft, "parent" | "transformation" | "effect" | "bound">): number {
    const folded = overlaps(step.bound, UPPER) ? union(step.bound, LOWER) : step.bound;
    return this.drafts.push({ ...step, folded, direct: [], awaiting: [], lookups: [] }) - 1;
  }
}
