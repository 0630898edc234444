/** What one variable of the policy proxy is: a row like any of the gateway's, which also says what holds without it. */
import type { EnvironmentDraft, EnvironmentRow } from "../../config/environment.ts";
import { UnitError } from "../../config/unit.ts";

export interface PolicyVariable extends EnvironmentRow {
  readonly example: string;
  /** What holds when it is not set; undefined for one that must be. */
  readonly otherwise: string | undefined;
  /** Stands in for it while the other variables are judged, where the example is none that could be read. */
  readonly standIn?: () => string;
}

/** For rows that make no sense alone. Throws a `UnitError` that names what is missing. */
export function requireVariables(draft: EnvironmentDraft, ...names: readonly string[]): void {
  const missing = names.filter((name) => draft.variable(name) === undefined);
  if (missing.length > 0) throw new UnitError(`${missing.join(" and ")} must be set too`);
}
