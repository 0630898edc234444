/** Builds the directives that hold rules: SecRule, SecAction, SecDefaultAction and changes of actions; it checks each alone. */
import { parseActions } from "./actions.ts";
import type { ByteString } from "../byte-string.ts";
import type { Action, Directive, Position } from "./ast.ts";
import { parseOperator } from "./operator.ts";
import type { Report } from "./parse-fault.ts";
import { parseVariables } from "./variables.ts";

/** A directive as written: its arguments without quotes, and where faults go. */
export interface WrittenDirective {
  readonly args: readonly ByteString[];
  readonly at: Position;
  readonly report: Report;
}

/** `SecRule VARIABLES OPERATOR [ACTIONS]`. */
export function buildRule({ args, at, report }: WrittenDirective): Directive | undefined {
  const [targets = "", test = "", list = ""] = args;
  const variables = parseVariables(targets, report);
  const operator = parseOperator(test, report);
  const actions = parseActions(list, report);
  if (operator === undefined) return undefined;
  if (variables.length > 0 && variables.every(({ excluded }) => excluded))
    report("seclang.variable", "every target is excluded: the rule would look at nothing");
  return { kind: "SecRule", variables, operator, actions, isChained: false, at };
}

/** `SecAction ACTIONS`. */
export function buildAction({ args, at, report }: WrittenDirective): Directive {
  const actions = parseActions(args[0] ?? "", report);
  if (actions.some(({ name }) => name === "chain"))
    report("seclang.chain", "SecAction cannot begin a chain", { hint: "use SecRule" });
  return { kind: "SecAction", actions, at };
}

/** `SecDefaultAction ACTIONS`: it must name a phase and a disruptive action, and may name no rule. */
export function buildDefaultAction({ args, at, report }: WrittenDirective): Directive {
  const actions = parseActions(args[0] ?? "", report);
  const foreign = actions.find(isOfOneRule);
  if (foreign !== undefined)
    report("seclang.action", `SecDefaultAction cannot carry ${foreign.name}: it belongs to a rule`);
  if (!actions.some(({ name }) => name === "phase"))
    report("seclang.action", "SecDefaultAction must name a phase");
  const disruptive = actions.filter((action) => action.class === "disruptive");
  if (disruptive.length === 0)
    report("seclang.action", "SecDefaultAction must name a disruptive action", {
      hint: "pass or deny",
    });
  if (disruptive.some(({ name }) => name === "block"))
    report("seclang.action", "SecDefaultAction cannot be block: block means its own action");
  return { kind: "SecDefaultAction", actions, at };
}

function isOfOneRule(action: Action): boolean {
  if (action.class === "flow") return true;
  return action.class === "metadata" && !["phase", "tag", "severity"].includes(action.name);
}

/** `SecRuleUpdateActionById ID[:OFFSET] ACTIONS`. */
export function buildActionUpdate({ args, at, report }: WrittenDirective): Directive | undefined {
  const [target = "", list = ""] = args;
  const actions = parseActions(list, report);
  if (actions.some(({ name }) => name === "id" || name === "phase" || name === "chain"))
    report("seclang.action", "id, phase and chain of a rule cannot be changed");
  const match = /^(\d{1,9})(?::(\d{1,3}))?$/.exec(target);
  if (match === null) {
    report("seclang.value", "SecRuleUpdateActionById needs one rule id", { hint: "942100:1" });
    return undefined;
  }
  const chainOffset = Number(match[2] ?? 0);
  return { kind: "SecRuleUpdateActionById", id: Number(match[1]), chainOffset, actions, at };
}
