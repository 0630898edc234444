/**
 * Tells regular steps of a number from a walk: steps that are all the same (a grid), that halve (a search for a boundary),
 * or that all go one way (a sweep with jitter). The first few of a run count for nothing, as somebody who plays with one
 * slider makes such steps, too.
 */

/** Steps of a run that are free; of halvings fewer, as nobody halves by accident. */
const FREE_STEPS = 5;
const FREE_HALVINGS = 3;
const SAME_TOLERANCE = 1e-6;
const HALF_TOLERANCE = 0.02;
/** What a step the same way, but of another length, is worth. */
const ONE_WAY_WEIGHT = 0.5;

export class StepRun {
  #last = 0;
  #steps = 0;
  #halvings = 0;

  /** Takes a step that is not 0; what it is worth as evidence, from 0 to 1. */
  take(step: number): number {
    const ratio = step / this.#last;
    const isFirst = this.#last === 0;
    this.#last = step;
    if (isFirst) return 0;
    this.#halvings = Math.abs(Math.abs(ratio) - 0.5) <= HALF_TOLERANCE ? this.#halvings + 1 : 0;
    const worth = Math.abs(ratio - 1) <= SAME_TOLERANCE ? 1 : ratio > 0 ? ONE_WAY_WEIGHT : 0;
    this.#steps = worth === 0 ? 0 : this.#steps + worth;
    if (this.#halvings > FREE_HALVINGS) return 1;
    return this.#steps > FREE_STEPS ? worth : 0;
  }
}
