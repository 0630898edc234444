/**
 * The rules of a filter as flat arrays, and all their literals for one automaton; it must never make a condition
 * stricter than the rule gave it.
 */
import type { ByteString } from "../byte-string.ts";
import {
  isAlone,
  isWithin,
  maskOf,
  maskOfSet,
  NO_BYTES,
  overlaps,
  union,
  type ByteMask,
} from "./byte-classes.ts";
import type { FilterRule } from "./filter-rule.ts";

/** What must hold of the classes of a value before a rule is worth a test. */
export interface RuleConditions {
  /** Each of these has a class in common with the value. */
  readonly sets: readonly ByteMask[];
  readonly hasLiterals: boolean;
  /** Literals of one byte, as far as a class says all of them: then no other literal is asked for. */
  readonly single: ByteMask;
  /** The classes of each other literal in lower case, those left out that need more than another. */
  readonly literals: readonly ByteMask[];
  /** The same of the bare literals; undefined if the rule has none. */
  readonly bareLiterals: readonly ByteMask[] | undefined;
}

/**
 * The literals of all rules, each once, and whose they are: of rule r the ordinary ones are lookup 2r, the bare ones 2r + 1.
 */
export interface RuleLiterals {
  readonly literals: readonly ByteString[];
  /** The lookups of literal i are `lookups` from `starts[i]` to before `starts[i + 1]`. */
  readonly starts: Int32Array;
  readonly lookups: Int32Array;
}

const isSingle = (literal: ByteString): boolean =>
  literal.length === 1 && isAlone(literal.charCodeAt(0));

export function conditionsOf(rule: FilterRule): RuleConditions {
  const literals = rule.literals ?? [];
  const single = literals.filter(isSingle).map(maskOf).reduce(union, NO_BYTES);
  const masks = literals.filter((literal) => !isSingle(literal)).map(maskOf);
  return {
    sets: (rule.byteSets ?? []).map(maskOfSet),
    hasLiterals: rule.literals !== undefined,
    single,
    literals: least(masks),
    bareLiterals: rule.bareLiterals && least(rule.bareLiterals.map(maskOf)),
  };
}

/** Masks that do not contain another one. */
function least(masks: readonly ByteMask[]): ByteMask[] {
  const distinct = new Map(masks.map((mask) => [`${mask.marks} ${mask.kinds}`, mask]));
  const all = [...distinct.values()];
  return all.filter((mask) => !all.some((other) => other !== mask && isWithin(other, mask)));
}

export function literalsOf(rules: readonly FilterRule[]): RuleLiterals {
  const lookupsOf = new Map<ByteString, number[]>();
  const add = (literal: ByteString, lookup: number): void => {
    const list = lookupsOf.get(literal);
    if (list === undefined) lookupsOf.set(literal, [lookup]);
    else list.push(lookup);
  };
  for (const rule of rules) {
    for (const literal of new Set(rule.literals)) {
      if (!isSingle(literal)) add(literal, rule.index * 2);
    }
    for (const literal of new Set(rule.bareLiterals)) add(literal, rule.index * 2 + 1);
  }
  const lists = [...lookupsOf.values()];
  const starts = new Int32Array(lists.length + 1);
  for (const [at, list] of lists.entries()) starts[at + 1] = (starts[at] ?? 0) + list.length;
  return { literals: [...lookupsOf.keys()], starts, lookups: Int32Array.from(lists.flat()) };
}

/** Whether a value of these classes may match without any of the automaton's literals. */
export function isDirect(conditions: RuleConditions, value: ByteMask): boolean {
  return !conditions.hasLiterals || overlaps(conditions.single, value);
}

/** Whether a value of these classes can hold one of the literals, case ignored. */
export function mayHold(literals: readonly ByteMask[], folded: ByteMask): boolean {
  return literals.some((literal) => isWithin(literal, folded));
}

/** Whether a value of these classes has a byte of each set. */
export function hasAllSets(conditions: RuleConditions, marks: number, kinds: number): boolean {
  const { sets } = conditions;
  for (let at = 0; at < sets.length; at += 1) {
    const set = sets[at] ?? NO_BYTES;
    if (((set.marks & marks) | (set.kinds & kinds)) === 0) return false;
  }
  return true;
}
