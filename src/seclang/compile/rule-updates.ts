/** What SecRuleUpdate... and SecRuleRemove... do to the rules before them; an id never changes. */
import type { ByteString } from "../byte-string.ts";
import type { Action, Directive, MacroPart, Variable } from "../parse/ast.ts";
import { textsOf } from "./default-actions.ts";
import type { Choosable, RuleChoice } from "./rule-choice.ts";

/** A rule as it was written. */
export type RuleDirective =
  | Extract<Directive, { kind: "SecRule" }>
  | Extract<Directive, { kind: "SecAction" | "SecDefaultAction" }>;

/** A directive that changes rules before it. */
export type UpdateDirective = Extract<
  Directive,
  {
    kind:
      | "SecRuleRemoveById"
      | "SecRuleRemoveByTag"
      | "SecRuleRemoveByMsg"
      | "SecRuleUpdateTargetById"
      | "SecRuleUpdateTargetByTag"
      | "SecRuleUpdateTargetByMsg"
      | "SecRuleUpdateActionById";
  }
>;

/** The rules it names. */
export function choiceOf(directive: UpdateDirective): RuleChoice {
  if (directive.kind === "SecRuleUpdateActionById")
    return { by: "id", ids: [{ first: directive.id, last: directive.id }] };
  if ("ids" in directive) return { by: "id", ids: directive.ids };
  return { by: directive.kind.endsWith("Tag") ? "tag" : "message", pattern: directive.pattern };
}

/** What a chain is chosen by: its head. Worked out when asked for, since most updates name ids. */
export class ChosenBy implements Choosable {
  readonly id: number;
  readonly #actions: readonly Action[];
  #tags: readonly ByteString[] | undefined;

  constructor(id: number, actions: readonly Action[]) {
    this.id = id;
    this.#actions = actions;
  }

  get tags(): readonly ByteString[] {
    return (this.#tags ??= textsOf(this.#actions, "tag").map(({ text }) => text));
  }

  get message(): readonly MacroPart[] {
    return textsOf(this.#actions, "msg").at(-1)?.parts ?? [];
  }
}

type TargetUpdate = Extract<UpdateDirective, { variables: readonly Variable[] }>;

/** Adds the targets, or puts them where those stood that they replace. */
export function withTargets(
  rule: Extract<RuleDirective, { kind: "SecRule" }>,
  { variables, replaced }: TargetUpdate,
): RuleDirective {
  if (replaced === undefined || replaced.length === 0)
    return { ...rule, variables: [...rule.variables, ...variables] };
  const gone = new Set(replaced.map(keyOf));
  const at = rule.variables.findIndex((variable) => gone.has(keyOf(variable)));
  if (at === -1) return rule;
  const kept = (list: readonly Variable[]) => list.filter((one) => !gone.has(keyOf(one)));
  return {
    ...rule,
    variables: [
      ...kept(rule.variables.slice(0, at)),
      ...variables,
      ...kept(rule.variables.slice(at)),
    ],
  };
}

function keyOf(variable: Variable): string {
  return JSON.stringify(variable);
}

/** New actions stand in for those of the same name; those that may be given many times are added. An id never changes. */
export function withActions(rule: RuleDirective, added: readonly Action[]): RuleDirective {
  const isMany = ({ name }: Action) => ["tag", "t", "setvar", "ctl", "expirevar"].includes(name);
  const names = new Set(added.filter((action) => !isMany(action)).map(({ name }) => name));
  const isDisruptive = added.some((action) => action.class === "disruptive");
  if (names.has("log")) names.add("nolog");
  if (names.has("nolog")) names.add("log");
  const kept = rule.actions.filter(
    (action) => !names.has(action.name) && !(isDisruptive && action.class === "disruptive"),
  );
  const usable = added.filter(({ name }) => name !== "id" && name !== "phase");
  return { ...rule, actions: [...kept, ...usable] };
}
