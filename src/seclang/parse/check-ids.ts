/** Checks the rule ids of a whole set, over all its files; it changes nothing. */
import type { Directive, Position } from "./ast.ts";
import { reportInto, shown, type ParseFault } from "./parse-fault.ts";

/** Faults for rules without an id (links of chains need none) and for ids used twice. */
export function checkIds(directives: readonly Directive[]): readonly ParseFault[] {
  const faults: ParseFault[] = [];
  const seen = new Map<number, Position>();
  for (const directive of directives) {
    const isRule = directive.kind === "SecRule" || directive.kind === "SecAction";
    if (!isRule) continue;
    const isLink = directive.kind === "SecRule" && directive.isChained;
    const report = reportInto(faults, directive.at);
    const id = ruleId(directive);
    if (id === undefined) {
      if (!isLink) report("seclang.id", `${directive.kind} needs an id`, { hint: "id:1000" });
      continue;
    }
    const first = seen.get(id);
    if (first === undefined) seen.set(id, directive.at);
    else
      report("seclang.id", `id ${id} is already used in ${shown(first.file)}, line ${first.line}`);
  }
  return faults;
}

/** The id of a rule, or undefined. */
export function ruleId(directive: Directive): number | undefined {
  if (directive.kind !== "SecRule" && directive.kind !== "SecAction") return undefined;
  for (const action of directive.actions)
    if (action.kind === "number" && action.name === "id") return action.value;
  return undefined;
}
