/** Merges a rule's actions with those of SecDefaultAction, as ModSecurity does; a rule never inherits an id or a place in a chain. */
import type { Action } from "../parse/ast.ts";
import type { Disruption, Text } from "./rule.ts";

/** What SecDefaultAction said for a phase. */
export interface PhaseDefaults {
  readonly actions: readonly Action[];
}

/** What holds where no SecDefaultAction was given. */
export const NO_DEFAULTS: PhaseDefaults = { actions: [] };

/** ModSecurity answers 403 where a rule does not say otherwise. */
const DEFAULT_STATUS = 403;
const REDIRECT_STATUS = 302;

type TextAction = Extract<Action, { kind: "text" }>;

/** The number a rule gives for `name`, its last one. */
export function numberOf(actions: readonly Action[], name: string): number | undefined {
  const found = actions.findLast((action) => action.kind === "number" && action.name === name);
  return found?.kind === "number" ? found.value : undefined;
}

/** The texts a rule gives for `name`, in order. */
export function textsOf(actions: readonly Action[], name: string): readonly TextAction[] {
  return actions.filter(
    (action): action is TextAction => action.kind === "text" && action.name === name,
  );
}

export function hasFlag(actions: readonly Action[], name: string): boolean {
  return actions.some((action) => action.kind === "flag" && action.name === name);
}

/** The transformations in force, lower case: the default's first, and none of those before a `t:none`. */
export function transformationsOf(
  own: readonly Action[],
  defaults: PhaseDefaults,
): readonly string[] {
  const names = [...defaults.actions, ...own].flatMap((action) =>
    action.kind === "transform" ? [action.transformation.toLowerCase()] : [],
  );
  return names.slice(names.lastIndexOf("none") + 1);
}

/** Whether a match is logged: `nolog` and `log` by the rule's own last word, else the default's, else yes. */
export function isLogged(own: readonly Action[], defaults: PhaseDefaults): boolean {
  const word = [...defaults.actions, ...own].findLast(
    ({ kind, name }) => kind === "flag" && (name === "log" || name === "nolog"),
  );
  return word?.name !== "nolog";
}

/** What the rule does: its own last disruptive action; `block` and silence mean the default's. */
export function disruptionOf(own: readonly Action[], defaults: PhaseDefaults): Disruption {
  const ownAction = own.findLast((action) => action.class === "disruptive");
  const isInherited = ownAction === undefined || ownAction.name === "block";
  const action = isInherited
    ? defaults.actions.findLast((one) => one.class === "disruptive" && one.name !== "block")
    : ownAction;
  const status = numberOf(own, "status") ?? numberOf(defaults.actions, "status");
  if (action === undefined) return { kind: "pass" };
  if (action.kind === "allow") return { kind: "allow", scope: action.scope };
  if (action.kind === "text") return redirect(action.parts, status);
  if (action.name === "deny" || action.name === "drop")
    return { kind: action.name, status: status ?? DEFAULT_STATUS };
  return { kind: "pass" };
}

function redirect(location: Text, status: number | undefined): Disruption {
  const isRedirect = status !== undefined && status >= 300 && status <= 308;
  return { kind: "redirect", status: isRedirect ? status : REDIRECT_STATUS, location };
}
