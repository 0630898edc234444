/**
 * What is to be done with values of one group of entries and one mix of byte classes: which transformations can matter, and
 * which rules. A plan must never leave out a rule that could match any such value.
 */
import { BARE_EFFECT, VARIABLE_MARK, bare } from "./bare-literals.ts";
import { ANY_BYTES, NO_BYTES, overlaps, union, maskOf, type ByteMask } from "./byte-classes.ts";
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
  /** Makes the result's bytes, for a look at their classes before anything else is made of them. */
  readonly decode: Effect["decode"];
  /** A result without any of these classes matches no rule, nor does what later steps make of it. */
  readonly gate: ByteMask;
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
  /** `PlanStep.gate`, as far as its own rules go. */
  gate: ByteMask;
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
    if (!isBare && isDirect(conditions, draft.bound)) {
      draft.direct.push(rule);
      draft.gate = union(draft.gate, gateOf(conditions));
    }
    const scanned = isBare ? drafts.at(drafts.bareOf(step)) : draft;
    if (!mayHold(isBare ? bareLiterals : conditions.literals, scanned.folded)) continue;
    draft.awaiting.push(rule);
    scanned.lookups.push(rule * 2 + (isBare ? 1 : 0));
    // WHY: the marks that a rule asks for are not in the bare value, and yet it is there that it is looked for.
    if (isBare) scanned.gate = ANY_BYTES;
    draft.gate = union(draft.gate, gateOf(conditions));
  }
  const { group, marks, kinds } = value;
  const stepOf = new Int16Array(basis.conditions.length).fill(NOT_LIVE);
  const scanOf = new Int16Array(basis.conditions.length * 2).fill(NOT_LIVE);
  return { group, marks, kinds, steps: drafts.finish(stepOf, scanOf), stepOf, scanOf };
}

/** What the gate asks of the value before the step: a class that is let through, or one of which the step may make it. */
function gateBefore({ effect, gate }: Draft): ByteMask {
  return effect.isNarrowing === true ? gate : union(gate, effect.triggers);
}

/** Of a value that the rule matches one of these classes is there. */
function gateOf({ sets }: RuleConditions): ByteMask {
  return sets.reduce((best, set) => (classCount(set) < classCount(best) ? set : best), ANY_BYTES);
}

function classCount({ marks, kinds }: ByteMask): number {
  let count = 0;
  for (let left = marks; left !== 0; left &= left - 1) count += 1;
  for (let left = kinds; left !== 0; left &= left - 1) count += 1;
  return count;
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
      if (isNeeded[at] !== true) continue;
      const draft = this.at(at);
      const parent = this.at(draft.parent);
      isNeeded[draft.parent] = true;
      parent.gate = union(parent.gate, gateBefore(draft));
    }
    const steps: PlanStep[] = [];
    const renumbered: number[] = [];
    for (const [at, draft] of this.drafts.entries()) {
      if (isNeeded[at] !== true) continue;
      const { transformation, effect, bound, direct, awaiting, lookups, gate } = draft;
      const number = steps.length;
      renumbered[at] = number;
      for (const rule of direct) stepOf[rule] = number;
      for (const rule of awaiting) stepOf[rule] = number;
      for (const lookup of lookups) scanOf[lookup] = number;
      const parent = renumbered[draft.parent] ?? ROOT;
      const needsScan = lookups.length > 0;
      const { triggers, changes, decode, isAlways = false } = effect;
      const change = { transformation, isAlways, triggers, changes, decode };
      steps.push({ ...change, parent, bound, gate, direct, needsScan });
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
    const rules = { direct: [], awaiting: [], lookups: [], gate: NO_BYTES };
    return this.drafts.push({ ...step, folded, ...rules }) - 1;
  }
}
