/**
 * Looks for a request of a function that is wanted for more than the function says: takes some, rules out all that fail for the
 * same reason, and takes another. It ends with a request, or with nothing left, which proves that there is none.
 */
import { FALSE, type Assignment, type Edge } from "./diagram.ts";
import type { RequestModel } from "./request-model.ts";

export interface Search<Shown> {
  /** Where to look. */
  readonly within: Edge;
  /** For a request that is not wanted: what all wanted ones are, and this one is not. */
  readonly mustBe: (values: Uint8Array) => Edge | undefined;
  /** Makes the request and tries it; undefined when that fails. */
  readonly show: (assignment: Assignment) => Shown | undefined;
}

/** `possible`: as far as known there is such a request, but none could be made that shows it. */
export type Found<Shown> =
  | { readonly kind: "never" }
  | { readonly kind: "shown"; readonly shown: Shown }
  | { readonly kind: "possible" };

/** Requests made in vain before the search gives up; each was possible as far as the diagrams know. */
const SHOW_LIMIT = 16;

export function searchRequest<Shown>(model: RequestModel, search: Search<Shown>): Found<Shown> {
  const { diagrams } = model;
  let left = search.within;
  let failed = 0;
  while (left !== FALSE) {
    const assignment = diagrams.pick(left);
    const mustBe = search.mustBe(assignment.values);
    if (mustBe !== undefined) {
      left = diagrams.and(left, mustBe);
      continue;
    }
    const shown = search.show(assignment);
    if (shown !== undefined) return { kind: "shown", shown };
    if (++failed === SHOW_LIMIT) return { kind: "possible" };
    left = diagrams.and(left, diagrams.not(diagrams.cube(model.alike(assignment))));
  }
  return { kind: failed === 0 ? "never" : "possible" };
}
