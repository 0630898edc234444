/**
 * Answers for most rules that run on every request (a header that should be there, a setting) that they do not match, without
 * starting them. It only asks, and changes nothing: a rule that may match is then run as any other.
 */
import type { ByteString } from "../byte-string.ts";
import { PART } from "../collections/entry.ts";
import type { CompiledMember, CompiledRule } from "../compile/compile-rule.ts";
import type { RuleOperator } from "../compile/compile-operator.ts";
import type { Target } from "../compile/target.ts";
import type { InterpreterTools } from "./interpreter-tools.ts";
import { afterChain } from "./rule-run.ts";
import { isNamed } from "./target-names.ts";
import { bitOf, type TransactionState } from "./transaction-state.ts";

/** Parts of which a message has few entries; rules over others may have to pause. */
const FEW_ENTRIES =
  PART.requestHeaders |
  PART.requestLine |
  PART.requestUri |
  PART.requestUriRaw |
  PART.requestFilename |
  PART.requestBasename |
  PART.requestMethod |
  PART.requestProtocol |
  PART.responseHeaders;

/** Whether `surelyFails` can tell anything of the rule; the same for every request. */
export function hasPlainHead(head: CompiledMember): boolean {
  const { isUnconditional, stageChains, targets } = head;
  if (isUnconditional || stageChains !== undefined) return false;
  return targets.every(
    (target) =>
      target.kind === "tx" ||
      (target.kind === "parts" && (target.isCount || (target.parts & ~FEW_ENTRIES) === 0)),
  );
}

/** Whether no value of the rule's head matches. */
export function surelyFails(
  rule: CompiledRule,
  state: TransactionState,
  tools: InterpreterTools,
): boolean {
  const { index } = rule;
  if (tools.removedTargets.has(index) || state.removedTargetsOf(index) !== undefined) return false;
  const argument = rule.operator.argument?.(state);
  for (const target of rule.targets)
    if (targetMatches(rule, { target, argument }, state, tools)) return false;
  return true;
}

function targetMatches(
  rule: CompiledRule,
  { target, argument }: { readonly target: Target; readonly argument: ByteString | undefined },
  state: TransactionState,
  tools: InterpreterTools,
): boolean {
  const { operator } = rule;
  if (target.kind === "tx") {
    const found = state.tx.atSlot(target.slot);
    const value = target.isCount ? (found === undefined ? "0" : "1") : found;
    return value !== undefined && isMatch(operator, afterChain(value, rule), argument);
  }
  if (target.kind !== "parts") return true;
  let count = 0;
  for (let rest = target.parts; rest !== 0; rest &= rest - 1)
    for (const entry of state.entriesAt(bitOf(rest & -rest))) {
      if (!isNamed(entry.name, target, undefined)) continue;
      if (!target.isCount && isMatch(operator, tools.transform(entry, rule.chain), argument))
        return true;
      if (state.isSent(entry)) count++;
    }
  return target.isCount && isMatch(operator, afterChain(String(count), rule), argument);
}

function isMatch(
  operator: RuleOperator,
  value: ByteString,
  argument: ByteString | undefined,
): boolean {
  return operator.test(value, argument) !== operator.isNegated;
}
