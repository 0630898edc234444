/**
 * Runs the rules of a phase one after another with the semantics of ModSecurity 2: every target, every value, effects at once,
 * links only after their head. It is exact and knows no short cut but one: what surely matches nothing is not run.
 */
import type { CompiledRule } from "../compile/compile-rule.ts";
import type { PhaseProgram } from "../compile/program.ts";
import type { InterpreterTools } from "./interpreter-tools.ts";
import type { MatchLog } from "./match-log.ts";
import type { Interruption } from "./report.ts";
import { PAUSED, RuleRun } from "./rule-run.ts";
import type { TransactionState } from "./transaction-state.ts";

/** How a phase ended: `allow` ends more than the phase. */
export type PhaseEnd =
  | { readonly kind: "done" }
  | { readonly kind: "interrupted"; readonly interruption: Interruption }
  | { readonly kind: "allowed"; readonly scope: "transaction" | "phase" | "request" };

const DONE: PhaseEnd = { kind: "done" };
/** One run of one phase; it can stop between rules and go on later. */
export class PhaseRun {
  readonly #program: PhaseProgram;
  readonly #state: TransactionState;
  readonly #log: MatchLog;
  readonly #tools: InterpreterTools;
  /** What detection-only mode would have done first. */
  wouldInterrupt: Interruption | undefined;
  /** Where the rules stand that may match, ascending: all others are never looked at. */
  #positions: readonly number[] | undefined;
  /** Index of the next one of them. */
  #at = 0;
  /** The rule at `#at`, when it is to go on where it stopped. */
  #paused: RuleRun | undefined;

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
    const positions = (this.#positions ??= this.#tools.positionsIn(this.#program));
    while (this.#at < positions.length) {
      const position = positions[this.#at] ?? 0;
      const rule = rules[position];
      if (!this.#isRun(rule)) {
        this.#at++;
        continue;
      }
      const isOff = state.controls.engine === "off" && rule.rule.phase !== 5;
      if (isOff && this.#paused === undefined) return DONE;
      const ruleRun = this.#paused ?? new RuleRun(rule, state, this.#tools);
      const outcome = ruleRun.goOn();
      this.#paused = outcome === PAUSED ? ruleRun : undefined;
      if (outcome === PAUSED) return undefined;
      this.#at++;
      if (outcome) {
        this.#skipTo(next[position] ?? 0, positions);
        this.#matched(ruleRun);
        const end = this.#decide(rule);
        if (end !== undefined) return end;
      }
      if (this.#tools.isOverdue()) return undefined;
    }
    return DONE;
  }

  #skipTo(position: number, positions: readonly number[]): void {
    while ((positions[this.#at] ?? Infinity) < position) this.#at++;
  }

  #isRun(rule: CompiledRule | undefined): rule is CompiledRule {
    // A rule that pauses goes on, although it may have removed itself on the way.
    if (this.#paused !== undefined) return true;
    if (rule === undefined || this.#state.removedRules?.[rule.index] === 1) return false;
    return this.#tools.mayMatch(rule);
  }

  /** Notes the match. */
  #matched({ rule, hits }: RuleRun): void {
    const { severity } = rule.rule;
    if (severity !== undefined && severity < this.#state.highestSeverity)
      this.#state.highestSeverity = severity;
    this.#log.add(rule, hits, this.#state);
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
}
