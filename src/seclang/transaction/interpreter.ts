/**
 * Runs the rules of a phase one after another with the semantics of ModSecurity 2: every target, every value, effects at once,
 * links only after their head. It is exact and knows no short cut but one: a rule that the filter ruled out is not run.
 */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import type { CompiledMember, CompiledRule } from "../compile/compile-rule.ts";
import type { PhaseProgram } from "../compile/program.ts";
import type { Target } from "../compile/target.ts";
import { membersOf } from "./look-up.ts";
import type { MatchLog } from "./match-log.ts";
import type { Interruption, RuleHit } from "./report.ts";
import { isGone, isNamed, nameOf } from "./target-names.ts";
import { bitOf, type RemovedTarget, type TransactionState } from "./transaction-state.ts";

/** What the interpreter needs besides the rules and the state. */
export interface InterpreterTools {
  /** Targets that the policy takes from rules, by rule index. */
  readonly removedTargets: ReadonlyMap<number, readonly RemovedTarget[]>;
  /** Whether the filter found a value that the rule's head matches. */
  mayMatch(rule: CompiledRule): boolean;
  /** What a transformation chain makes of an entry's value. */
  transform(entry: Entry, member: CompiledMember): ByteString;
  /** Called between rules. True: stop for now and be called again. Throws when the budget is spent. */
  isOverdue(): boolean;
}

/** How a phase ended: `allow` ends more than the phase. */
export type PhaseEnd =
  | { readonly kind: "done" }
  | { readonly kind: "interrupted"; readonly interruption: Interruption }
  | { readonly kind: "allowed"; readonly scope: "transaction" | "phase" | "request" };

const DONE: PhaseEnd = { kind: "done" };
/** Places kept of one rule; more do not help whoever reads the log. */
const LIMIT_HITS = 16;

/** What is being asked while a member runs: one object for all its values, since a request asks thousands of questions. */
interface Question {
  readonly member: CompiledMember;
  readonly hits: RuleHit[];
  readonly argument: ByteString | undefined;
  target: Target;
  name: ByteString;
  entry: Entry | undefined;
}

/** One run of one phase; it can stop between rules and go on later. */
export class PhaseRun {
  readonly #program: PhaseProgram;
  readonly #state: TransactionState;
  readonly #log: MatchLog;
  readonly #tools: InterpreterTools;
  /** What detection-only mode would have done first. */
  wouldInterrupt: Interruption | undefined;
  #at = 0;

  constructor(
    program: PhaseProgram,
    context: {
      readonly state: TransactionState;
      readonly log: MatchLog;
      readonly tools: InterpreterTools;
    },
  ) {
    this.#program = program;
    this.#state = context.state;
    this.#log = context.log;
    this.#tools = context.tools;
  }

  /** Goes on until the phase ends, or answers undefined when it was time to stop. */
  run(): PhaseEnd | undefined {
    const { rules, next } = this.#program;
    const state = this.#state;
    while (this.#at < rules.length) {
      const at = this.#at;
      const rule = rules[at];
      this.#at = at + 1;
      if (rule === undefined || state.removedRules?.[rule.index] === 1) continue;
      if (rule.filters !== undefined && !this.#tools.mayMatch(rule)) continue;
      if (state.controls.engine === "off" && rule.rule.phase !== 5) return DONE;
      if (this.#chainMatches(rule)) {
        this.#at = next[at] ?? at + 1;
        const end = this.#decide(rule);
        if (end !== undefined) return end;
      }
      if (this.#tools.isOverdue()) return undefined;
    }
    return DONE;
  }

  #chainMatches(rule: CompiledRule): boolean {
    const state = this.#state;
    state.rule = rule.rule;
    state.forgetMatches();
    const hits: RuleHit[] = [];
    if (!this.#memberMatches(rule, rule.index, hits)) return false;
    for (const link of rule.links) if (!this.#memberMatches(link, rule.index, hits)) return false;
    const { severity } = rule.rule;
    if (severity !== undefined && severity < state.highestSeverity)
      state.highestSeverity = severity;
    this.#log.add(rule, hits, state);
    return true;
  }

  /** What the matched chain does to the transaction. */
  #decide({ rule, location }: CompiledRule): PhaseEnd | undefined {
    const { disruption, id } = rule;
    if (disruption.kind === "pass") return undefined;
    const isEnforcing = this.#state.controls.engine === "on";
    if (disruption.kind === "allow")
      return isEnforcing ? { kind: "allowed", scope: disruption.scope } : undefined;
    const interruption: Interruption = {
      action: disruption.kind,
      status: disruption.status,
      ruleId: id,
      ...(location === undefined ? {} : { location: location(this.#state) }),
    };
    if (isEnforcing) return { kind: "interrupted", interruption };
    this.wouldInterrupt ??= interruption;
    return undefined;
  }

  #memberMatches(member: CompiledMember, index: number, hits: RuleHit[]): boolean {
    if (member.isUnconditional) {
      this.#apply(member);
      return true;
    }
    const removed = this.#removedFrom(index);
    const argument = member.operator.argument?.(this.#state);
    let question: Question | undefined;
    let isMatch = false;
    for (const target of member.targets) {
      const gone = removed?.filter(({ variable }) => variable === target.name);
      if (gone?.some(({ member: test }) => test === undefined) === true) continue;
      question ??= { member, hits, argument, target, name: "", entry: undefined };
      question.target = target;
      if (this.#targetMatches(question, gone)) isMatch = true;
    }
    return isMatch;
  }

  /** What the policy and `ctl` took from the rule. */
  #removedFrom(index: number): readonly RemovedTarget[] | undefined {
    const byPolicy = this.#tools.removedTargets.get(index);
    const byRules = this.#state.removedTargets?.get(index);
    return byPolicy && byRules ? [...byPolicy, ...byRules] : (byPolicy ?? byRules);
  }

  #targetMatches(question: Question, gone: readonly RemovedTarget[] | undefined): boolean {
    const state = this.#state;
    const { target } = question;
    if (target.kind === "tx") {
      const value = state.tx.atSlot(target.slot);
      const isThere = value !== undefined && !isGone(target.key, gone);
      if (target.isCount) return this.#countMatches(isThere ? 1 : 0, question);
      return isThere && this.#memberValueMatches(target.key, value, question);
    }
    if (target.kind === "parts") return this.#entriesMatch(target.parts, question, gone);
    const members =
      target.kind === "txSome" ? state.tx.chosen(target.choice) : membersOf(state, target.name);
    let count = 0;
    let isMatch = false;
    for (const { name, value } of members) {
      if (!isNamed(name, target, gone)) continue;
      count++;
      if (!target.isCount && this.#memberValueMatches(name, value, question)) isMatch = true;
    }
    return target.isCount ? this.#countMatches(count, question) : isMatch;
  }

  #entriesMatch(
    parts: number,
    question: Question,
    gone: readonly RemovedTarget[] | undefined,
  ): boolean {
    const state = this.#state;
    const { target } = question;
    let count = 0;
    let isMatch = false;
    for (let rest = parts; rest !== 0; rest &= rest - 1)
      for (const entry of state.entriesAt(bitOf(rest & -rest))) {
        if (!isNamed(entry.name, target, gone)) continue;
        if (target.isCount) {
          if (state.isSent(entry)) count++;
          continue;
        }
        question.name = entry.name;
        question.entry = entry;
        if (this.#valueMatches(entry.value, question)) isMatch = true;
      }
    return target.isCount ? this.#countMatches(count, question) : isMatch;
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
    if (member.isMultiMatch) {
      let current = value;
      let isMatch = this.#operatorMatches(current, question);
      for (const transform of member.transformations) {
        const changed = transform(current);
        if (changed === current) continue;
        current = changed;
        if (this.#operatorMatches(current, question)) isMatch = true;
      }
      return isMatch;
    }
    const transformed =
      entry !== undefined && !question.target.isCount
        ? this.#tools.transform(entry, member)
        : afterChain(value, member);
    return this.#operatorMatches(transformed, question);
  }

  #operatorMatches(value: ByteString, question: Question): boolean {
    const { member, target, name, entry, hits, argument } = question;
    const { operator } = member;
    const isFound = operator.test(value, argument);
    if (isFound === operator.isNegated) return false;
    const fullName = nameOf(target, name);
    this.#state.matched(fullName, value);
    if (member.isCapturing && isFound)
      this.#state.tx.capture(operator.captures?.(value, argument) ?? []);
    if (hits.length < LIMIT_HITS)
      hits.push({ target: fullName, value, start: entry?.start ?? -1, end: entry?.end ?? -1 });
    this.#apply(member);
    return true;
  }

  #apply(member: CompiledMember): void {
    for (const effect of member.effects) effect(this.#state);
  }
}

function afterChain(value: ByteString, { transformations }: CompiledMember): ByteString {
  let text = value;
  for (const transform of transformations) text = transform(text);
  return text;
}
