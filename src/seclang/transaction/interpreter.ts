/**
 * Runs the rules of a phase one after another with the semantics of ModSecurity 2: every target, every value, effects at once,
 * links only after their head. It is exact and knows no short cut but one: a rule that the filter ruled out is not run.
 */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import { lowerName } from "../collections/lower-name.ts";
import type { CompiledMember, CompiledRule } from "../compile/compile-rule.ts";
import type { PhaseProgram } from "../compile/program.ts";
import type { Target } from "../compile/target.ts";
import { membersOf } from "./look-up.ts";
import type { MatchLog } from "./match-log.ts";
import type { Interruption, RuleHit } from "./report.ts";
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

/** One value that an operator is asked about. */
interface Candidate {
  readonly member: CompiledMember;
  readonly target: Target;
  readonly name: ByteString;
  readonly entry: Entry | undefined;
  readonly hits: RuleHit[];
  readonly argument: ByteString | undefined;
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
    let isMatch = false;
    for (const target of member.targets) {
      const gone = removed?.filter(({ variable }) => variable === target.name);
      if (gone?.some(({ member: test }) => test === undefined) === true) continue;
      if (this.#targetMatches({ member, target, hits, argument }, gone)) isMatch = true;
    }
    return isMatch;
  }

  /** What the policy and `ctl` took from the rule. */
  #removedFrom(index: number): readonly RemovedTarget[] | undefined {
    const byPolicy = this.#tools.removedTargets.get(index);
    const byRules = this.#state.removedTargets?.get(index);
    return byPolicy && byRules ? [...byPolicy, ...byRules] : (byPolicy ?? byRules);
  }

  #targetMatches(
    { member, target, hits, argument }: Omit<Candidate, "name" | "entry">,
    gone: readonly RemovedTarget[] | undefined,
  ): boolean {
    const state = this.#state;
    const base = { member, target, hits, argument };
    if (target.kind === "tx") {
      const value = state.tx.atSlot(target.slot);
      if (value === undefined || isGone(target.key, gone)) return false;
      return this.#valueMatches(value, { ...base, name: target.key, entry: undefined });
    }
    let count = 0;
    let isMatch = false;
    const visit = (name: ByteString, value: ByteString, entry: Entry | undefined): void => {
      if (!isNamed(name, target, gone)) return;
      if (entry === undefined || state.isSent(entry)) count++;
      if (!target.isCount && this.#valueMatches(value, { ...base, name, entry })) isMatch = true;
    };
    if (target.kind === "members") {
      for (const { name, value } of membersOf(state, target.name)) visit(name, value, undefined);
    } else {
      for (let rest = target.parts; rest !== 0; rest &= rest - 1)
        for (const entry of state.entriesAt(bitOf(rest & -rest)))
          visit(entry.name, entry.value, entry);
    }
    if (!target.isCount) return isMatch;
    const name = target.selector?.key ?? "";
    return this.#valueMatches(String(count), { ...base, name, entry: undefined });
  }

  /** Asks the operator about a value, or with `multiMatch` about everything it becomes on the way. */
  #valueMatches(value: ByteString, candidate: Candidate): boolean {
    const { member, entry } = candidate;
    if (member.isMultiMatch) {
      let current = value;
      let isMatch = this.#operatorMatches(current, candidate);
      for (const transform of member.transformations) {
        const changed = transform(current);
        if (changed === current) continue;
        current = changed;
        if (this.#operatorMatches(current, candidate)) isMatch = true;
      }
      return isMatch;
    }
    const transformed =
      entry !== undefined && !candidate.target.isCount
        ? this.#tools.transform(entry, member)
        : member.transformations.reduce((text, transform) => transform(text), value);
    return this.#operatorMatches(transformed, candidate);
  }

  #operatorMatches(value: ByteString, candidate: Candidate): boolean {
    const { member, target, name, entry, hits, argument } = candidate;
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

function isNamed(
  name: ByteString,
  { selector, excludes }: Target,
  gone: readonly RemovedTarget[] | undefined,
): boolean {
  if (selector === undefined && excludes === undefined && gone === undefined) return true;
  const key = lowerName(name);
  if (selector?.test(key) === false || excludes?.(key) === true) return false;
  return !isGone(key, gone);
}

function isGone(key: ByteString, gone: readonly RemovedTarget[] | undefined): boolean {
  return gone?.some(({ member }) => member?.(key) === true) ?? false;
}

/** `ARGS:json.name`, `TX:anomaly_score`, `REQUEST_LINE`. */
function nameOf({ name, isCount }: Target, member: ByteString): ByteString {
  const full = member === "" ? name : name === "MATCHED_VARS" ? member : `${name}:${member}`;
  return isCount ? `&${full}` : full;
}
