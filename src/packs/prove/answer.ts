/**
 * What requests answer to a comparison: yes, no, or nothing where they lack a field. Rules are asked for one side at a time,
 * because most decisions hang on one side only: an allow on what is true, a deny on what is not false.
 */
import { FALSE, TRUE, type Diagrams, type Edge } from "./diagram.ts";

export interface Answer {
  /** The requests that have what is compared. */
  readonly isThere: Edge;
  /** Those of them for which the comparison holds. */
  readonly holds: Edge;
}

/** The requests for which the answer is `value`. */
export function sideOf(diagrams: Diagrams, { isThere, holds }: Answer, value: boolean): Edge {
  return value ? holds : diagrams.and(isThere, diagrams.not(holds));
}

/**
 * AND and OR of Kleene's strong three-valued logic, by sides: AND is true when all are, and false when any is; OR the dual. Of
 * nothing, AND is true.
 */
export function junction(diagrams: Diagrams, isEvery: boolean, sides: readonly Edge[]): Edge {
  // From the last on: what was used later has lower variables, so that each step only adds to the top.
  return isEvery
    ? sides.reduceRight((rest, side) => diagrams.and(side, rest), TRUE)
    : sides.reduceRight((rest, side) => diagrams.or(side, rest), FALSE);
}
