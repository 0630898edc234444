/** What rule files say that a compiled set no longer tells: whose pattern is whose, and what was accepted without effect. */
import type { ByteString } from "../../seclang/byte-string.ts";
import { OPERATORS } from "../../seclang/operators/table.ts";
import { neverFound } from "../../seclang/operators/unsupported.ts";
import type { Action, Directive } from "../../seclang/parse/ast.ts";
import { readRuleFiles } from "../../seclang/parse/include.ts";
import { shortPath } from "./rules-option.ts";

export interface RuleFileFacts {
  /** Ids of the rules that have the pattern, links of chains under their heads. */
  readonly rulesByPattern: ReadonlyMap<ByteString, readonly number[]>;
  /** What was accepted and does nothing here, a line each. */
  readonly withoutEffect: readonly string[];
}

/** Reads the files again; they are known to be in order. */
export function readRuleFacts(paths: readonly string[]): RuleFileFacts {
  const rulesByPattern = new Map<ByteString, number[]>();
  const withoutEffect: string[] = [];
  let head = 0;
  for (const directive of readRuleFiles(paths).directives) {
    if (directive.kind === "SecRule") {
      if (!directive.isChained) head = idOf(directive.actions);
      const { name, argument } = directive.operator;
      const users = rulesByPattern.get(argument) ?? [];
      if (/^rx/i.test(name) && !users.includes(head))
        rulesByPattern.set(argument, [...users, head]);
    }
    const problem = problemOf(directive, head);
    const { file, line } = directive.at;
    if (problem !== undefined) withoutEffect.push(`${shortPath(file)}:${line}: ${problem}`);
  }
  return { rulesByPattern, withoutEffect };
}

function problemOf(directive: Directive, head: number): string | undefined {
  if (directive.kind === "setting" && directive.isIgnored)
    return `${directive.name} has no effect here`;
  if (directive.kind !== "SecRule") return undefined;
  const { name } = directive.operator;
  const isStub = OPERATORS.get(name.toLowerCase()) === neverFound;
  return isStub ? `@${name} of rule ${head} looks nothing up, and never matches` : undefined;
}

function idOf(actions: readonly Action[]): number {
  const id = actions.find((action) => action.kind === "number" && action.name === "id");
  return id?.kind === "number" ? id.value : 0;
}
