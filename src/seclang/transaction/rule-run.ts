/**
 * One rule being run: its chain link by link, each over its targets' values. It can stop between two values and go on
 * later, and must then come to the same result.
 */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import type { CompiledMember, CompiledRule } from "../compile/compile-rule.ts";
import type { Target } from "../compile/target.ts";
import { membersOf } from "./look-up.ts";
import type { InterpreterTools } from "./interpreter-tools.ts";
import type { RuleHit } from "./report.ts";
import { isGone, isNamed, isTaken, nameOf } from "./target-names.ts";
import { bitOf, type RemovedTarget, type TransactionState } from "./transaction-state.ts";

/** Places kept of one rule; more do not help whoever reads the log. */
const LIMIT_HITS = 16;

/** What is being asked while a member runs: one object for all its values, since a request asks thousands of questions. */
interface Question {
  readonly member: CompiledMember;
  readonly hits: RuleHit[];
  readonly argument: ByteString | undefined;
  /** The only entries that need be looked at. */
  readonly flagged: ReadonlySet<Entry> | undefined;
  target: Target;
  name: ByteString;
  entry: Entry | undefined;
  isMatch: boolean;
  /** Where it stands: the target, of that target the parts not done yet, and the entry of the first of these. */
  targetAt: number;
  partsLeft: number;
  entryAt: number;
}

/** The rest of the rule is for the next slice. */
export const PAUSED = Symbol("paused");
export type Outcome = boolean | typeof PAUSED;

export class RuleRun {
  readonly rule: CompiledRule;
  readonly hits: RuleHit[] = [];
  readonly #state: TransactionState;
  readonly #tools: InterpreterTools;
  /** 0 is the head. */
  #memberAt = 0;
  #question: Question | undefined;

  constructor(rule: CompiledRule, state: TransactionState, tools: InterpreterTools) {
    this.rule = rule;
    this.#state = state;
    this.#tools = tools;
    state.rule = rule.rule;
    state.forgetMatches();
  }

  /** Whether the whole chain matches. */
  goOn(): Outcome {
    for (; this.#memberAt <= this.rule.links.length; this.#memberAt++) {
      const outcome = this.#memberMatches();
      if (outcome !== true) return outcome;
    }
    return true;
  }

  #memberMatches(): Outcome {
    const { rule } = this;
    const member = this.#memberAt === 0 ? rule : rule.links[this.#memberAt - 1];
    const first = member?.targets[0];
    if (member === undefined || member.isUnconditional || first === undefined) {
      if (member?.isUnconditional) this.#apply(member);
      return member?.isUnconditional === true;
    }
    const question = (this.#question ??= this.#ask(member, first));
    const removed = this.#removedFrom(rule.index);
    for (; question.targetAt < member.targets.length; question.targetAt++) {
      const target = member.targets[question.targetAt] ?? first;
      const gone = removed?.filter(({ variable }) => variable === target.name);
      if (gone?.some(({ member: test }) => test === undefined) === true) continue;
      question.target = target;
      const outcome = this.#targetMatches(question, gone);
      if (outcome === PAUSED) return PAUSED;
      if (outcome) question.isMatch = true;
    }
    this.#question = undefined;
    return question.isMatch;
  }

  #ask(member: CompiledMember, target: Target): Question {
    const { rule, hits } = this;
    return {
      member,
      hits,
      argument: member.operator.argument?.(this.#state),
      flagged: member === rule ? this.#tools.flaggedEntries(rule) : undefined,
      target,
      name: "",
      entry: undefined,
      isMatch: false,
      targetAt: 0,
      partsLeft: 0,
      entryAt: 0,
    };
  }

  /** What the policy and `ctl` took from the rule. */
  #removedFrom(index: number): readonly RemovedTarget[] | undefined {
    const byPolicy = this.#tools.removedTargets.get(index);
    const byRules = this.#state.removedTargetsOf(index);
    return byPolicy && byRules ? [...byPolicy, ...byRules] : (byPolicy ?? byRules);
  }

  #targetMatches(question: Question, gone: readonly RemovedTarget[] | undefined): Outcome {
    const state = this.#state;
    const { target } = question;
    if (target.kind === "tx") {
      const value = state.tx.atSlot(target.slot);
      const isThere = value !== undefined && !isGone(target.key, gone);
      if (target.isCount) return this.#countMatches(isThere ? 1 : 0, question);
      return isThere && this.#memberValueMatches(target.key, value, question);
    }
    if (target.kind === "parts")
      return target.isCount
        ? this.#countMatches(this.#sentEntries(target, gone), question)
        : this.#entriesMatch(target.parts, question, gone);
    const isChosen = target.kind === "txSome";
    const members = isChosen ? state.tx.chosen(target.choice) : membersOf(state, target.name);
    let count = 0;
    let isMatch = false;
    for (const { name, value } of members) {
      if (isChosen ? isTaken(name, target, gone) : !isNamed(name, target, gone)) continue;
      count++;
      if (!target.isCount && this.#memberValueMatches(name, value, question)) isMatch = true;
    }
    return target.isCount ? this.#countMatches(count, question) : isMatch;
  }

  /** How many entries the target counts. */
  #sentEntries(
    target: Target & { readonly kind: "parts" },
    gone: readonly RemovedTarget[] | undefined,
  ): number {
    let count = 0;
    for (let rest = target.parts; rest !== 0; rest &= rest - 1)
      for (const entry of this.#state.entriesAt(bitOf(rest & -rest)))
        if (isNamed(entry.name, target, gone) && this.#state.isSent(entry)) count++;
    return count;
  }

  /** What matched before a pause is noted in the question. */
  #entriesMatch(
    parts: number,
    question: Question,
    gone: readonly RemovedTarget[] | undefined,
  ): Outcome {
    const { target, flagged } = question;
    if (question.partsLeft === 0) question.partsLeft = parts;
    for (; question.partsLeft !== 0; question.partsLeft &= question.partsLeft - 1) {
      const entries = this.#state.entriesAt(bitOf(question.partsLeft & -question.partsLeft));
      while (question.entryAt < entries.length) {
        const entry = entries[question.entryAt++];
        if (entry === undefined || flagged?.has(entry) === false) continue;
        if (!isNamed(entry.name, target, gone)) continue;
        question.name = entry.name;
        question.entry = entry;
        if (this.#valueMatches(entry.value, question)) question.isMatch = true;
        if (this.#tools.isOverdueAfter(entry.value)) return PAUSED;
      }
      question.entryAt = 0;
    }
    return question.isMatch;
  }

  #countMatches(count: number, question: Question): boolean {
    return this.#memberValueMatches(question.target.selector?.key ?? "", String(count), question);
  }

  #memberValueMatches(name: ByteString, value: ByteString, question: Question): boolean {
    question.name = name;
    question.entry = undefined;
    return this.#valueMatches(value, question);
  }

  /** Asks the operator about a value, or with `multiMatch` about everything it becomes on the way. */
  #valueMatches(value: ByteString, question: Question): boolean {
    const { member, entry } = question;
    const isEntry = entry !== undefined && !question.target.isCount;
    if (member.stageChains !== undefined) {
      return isEntry
        ? this.#stagesMatch(entry, member.stageChains, question)
        : this.#stepsMatch(value, question);
    }
    const transformed = isEntry
      ? this.#tools.transform(entry, member.chain)
      : afterChain(value, member);
    return this.#operatorMatches(transformed, question);
  }

  #stagesMatch(entry: Entry, chains: readonly number[], question: Question): boolean {
    let last: ByteString | undefined;
    let isMatch = false;
    for (const chain of chains) {
      const value = this.#tools.transform(entry, chain);
      if (value === last) continue;
      last = value;
      if (this.#operatorMatches(value, question)) isMatch = true;
    }
    return isMatch;
  }

  #stepsMatch(value: ByteString, question: Question): boolean {
    let current = value;
    let isMatch = this.#operatorMatches(current, question);
    for (const transform of question.member.transformations) {
      const changed = transform(current);
      if (changed === current) continue;
      current = changed;
      if (this.#operatorMatches(current, question)) isMatch = true;
    }
    return isMatch;
  }

  #operatorMatches(value: ByteString, question: Question): boolean {
    const { member, target, name, entry, hits, argument } = question;
    const { operator } = member;
    const isFound = operator.test(value, argument);
    if (isFound === operator.isNegated) return false;
    const fullName = nameOf(target, name);
    this.#state.matched(fullName, value);
    if (member.isCapturing && isFound)
      this.#state.tx.capture(() => operator.captures?.(value, argument) ?? []);
    if (hits.length < LIMIT_HITS)
      hits.push({ target: fullName, value, start: entry?.start ?? -1, end: entry?.end ?? -1 });
    this.#apply(member);
    return true;
  }

  #apply(member: CompiledMember): void {
    for (const effect of member.effects) effect(this.#state);
  }
}

/** What the member's transformations make of a value that is no entry's. */
export function afterChain(value: ByteString, { transformations }: CompiledMember): ByteString {
  let text = value;
  for (const transform of transformations) text = transform(text);
  return text;
}
