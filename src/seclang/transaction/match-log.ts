/** Collects which rules matched, and where; bounded, because a record of megabytes helps nobody. */
import type { CompiledRule } from "../compile/compile-rule.ts";
import type { MatchedRule, RuleHit } from "./report.ts";
import type { TransactionState } from "./transaction-state.ts";

/** Rules kept of one transaction. */
const LIMIT_RULES = 256;

export class MatchLog {
  readonly rules: MatchedRule[] = [];

  /** Records a chain that matched; rules that only compute leave no trace. */
  add(compiled: CompiledRule, hits: readonly RuleHit[], state: TransactionState): void {
    const { rule, message, logData } = compiled;
    const isDisruptive = rule.disruption.kind !== "pass";
    if ((!rule.isLogged && !isDisruptive) || this.rules.length >= LIMIT_RULES) return;
    this.rules.push({
      id: rule.id,
      phase: rule.phase,
      message: message(state),
      data: logData?.(state) ?? "",
      severity: rule.severity,
      tags: rule.tags,
      file: rule.at.file,
      line: rule.at.line,
      hits,
      isLogged: rule.isLogged,
      isDisruptive,
      scores: Object.fromEntries(state.chainScores),
    });
  }
}
