/** A rule as it stands once defaults are merged and updates applied, and before anything is compiled. */
import type { ByteString } from "../byte-string.ts";
import type { Action, Operator, Position, Variable } from "../parse/ast.ts";

/** What a rule decides once its whole chain matched. */
export type Disruption =
  | { readonly kind: "pass" }
  | { readonly kind: "deny" | "drop"; readonly status: number }
  | { readonly kind: "redirect"; readonly status: number; readonly location: Text }
  | { readonly kind: "allow"; readonly scope: "transaction" | "phase" | "request" };

/** A text action: its macros are expanded when the rule matches. */
export type Text = Extract<Action, { kind: "text" }>["parts"];

/** One SecRule or SecAction; the head of a chain carries its links. */
export interface Rule {
  readonly at: Position;
  readonly variables: readonly Variable[];
  /** Absent for SecAction, which always matches. */
  readonly operator: Operator | undefined;
  /** Own and inherited, in order; disruptive ones and `t` are taken out. */
  readonly actions: readonly Action[];
  /** Lower-case names, `none` resolved. */
  readonly transformations: readonly string[];
}

/** A rule that is found by its id. */
export interface HeadRule extends Rule {
  readonly id: number;
  readonly phase: number;
  readonly message: Text;
  readonly tags: readonly ByteString[];
  readonly severity: number | undefined;
  readonly isLogged: boolean;
  readonly disruption: Disruption;
  readonly links: readonly Rule[];
  /** Where matching jumps to, counted in rules of the phase or named by a marker or an id. */
  readonly skip: { readonly count: number } | { readonly after: ByteString } | undefined;
}

/** One place of the rule set in file order. */
export type Step =
  | { readonly kind: "rule"; readonly rule: HeadRule }
  | { readonly kind: "marker"; readonly name: ByteString };

/** Number of phases: request headers, request body, response headers, response body, logging. */
export const PHASES = 5;
