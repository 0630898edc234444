/**
 * How much what one caller asks of one model looks like copying it: a score from 0 to 1 that rises with inputs that move in
 * regular steps or enumerate a feature, and hardly with their number, since a batch of customers is many inputs, too.
 * Evidence fades with time. It holds hashes and the numbers of the last input, never a whole input.
 */
import type { Suspicion } from "../../../pipeline/facts.ts";
import { DistinctCount } from "./distinct-count.ts";
import { FixedFields } from "./fixed-fields.ts";
import { mixed, type InputRow } from "./input-row.ts";
import type { ModelFields } from "./model-fields.ts";
import { Neighbours } from "./neighbours.ts";
import { Succession } from "./succession.ts";

/** Worth of steps that is everybody's, and by how many more the score comes to 0.63 of its most. */
const FREE_STEPS = 10;
const STEPS_SCALE = 40;
/** Share of the inputs that are steps from which on it does not matter that the others are not. */
const STEPS_SHARE = 0.05;
/** The same of values that are enumerated in no order: less sure, so never enough for a block by itself. */
const ENUMERATED_SCALE = 100;
const ENUMERATED_SHARE = 0.1;
const ENUMERATED_MOST = 0.65;
/** What a million different inputs are worth. */
const VOLUME_MOST = 0.1;
const VOLUME_FULL_LOG10 = 6;
/** The weight of the last input in the average change. */
const CHANGE_WEIGHT = 0.1;

// One for all rows: a row is looked at and done with before the next.
const FIXED = new FixedFields();

export class Profile {
  readonly key: string;
  lastMs: number;
  /** Until then the caller may not call the model. */
  blockedUntilMs = -Infinity;
  /** From when on a throttled caller may make its next request. */
  nextAtMs = -Infinity;
  #inputs = 0;
  #steps = 0;
  #enumerated = 0;
  #change = 0;
  // Made with the second input: many callers never make one.
  #neighbours: Neighbours | undefined;
  #succession: Succession | undefined;
  readonly #distinct: DistinctCount;

  constructor(key: string, nowMs: number) {
    this.key = key;
    this.lastMs = nowMs;
    this.#distinct = new DistinctCount(nowMs);
  }

  /** Whether there is next to nothing to forget. */
  get isPlain(): boolean {
    return this.#steps < 1 && this.#enumerated < 1;
  }

  take(row: InputRow, fields: ModelFields, when: { nowMs: number; windowMs: number }): void {
    const { nowMs, windowMs } = when;
    this.#fade(nowMs, windowMs);
    this.#distinct.add(mixed(row.total, row.shape), nowMs, windowMs);
    FIXED.look(row, fields);
    this.#neighbours ??= new Neighbours();
    this.#succession ??= new Succession();
    // Asked again, it tells a caller nothing new.
    if (this.#neighbours.isRepeat(row)) return;
    this.#inputs++;
    const near = this.#neighbours.take(row, FIXED);
    const move = this.#succession.take(row, FIXED);
    this.#steps += Math.max(near.step, move.step);
    if (near.isEnumerated) this.#enumerated++;
    this.#change += CHANGE_WEIGHT * (move.change - this.#change);
  }

  /** Half of the evidence is paid for with a block: who goes on as before is blocked again soon, others are not. */
  block(untilMs: number): void {
    this.blockedUntilMs = untilMs;
    this.#steps /= 2;
    this.#enumerated /= 2;
  }

  suspicion(nowMs: number, windowMs: number): Suspicion {
    this.#fade(nowMs, windowMs);
    const inputs = this.#distinct.estimate(nowMs, windowMs);
    const all = Math.max(1, this.#inputs);
    const stepped =
      (1 - Math.exp(-Math.max(0, this.#steps - FREE_STEPS) / STEPS_SCALE)) *
      Math.min(1, this.#steps / all / STEPS_SHARE);
    const enumerated =
      ENUMERATED_MOST *
      (1 - Math.exp(-this.#enumerated / ENUMERATED_SCALE)) *
      Math.min(1, this.#enumerated / all / ENUMERATED_SHARE);
    const volume = VOLUME_MOST * Math.min(1, Math.log10(Math.max(1, inputs)) / VOLUME_FULL_LOG10);
    return {
      score: rounded(1 - (1 - stepped) * (1 - enumerated) * (1 - volume)),
      inputs,
      change: rounded(this.#change),
      steps: Math.round(this.#steps),
    };
  }

  #fade(nowMs: number, windowMs: number): void {
    if (nowMs <= this.lastMs) return;
    const left = Math.exp((this.lastMs - nowMs) / windowMs);
    this.#inputs *= left;
    this.#steps *= left;
    this.#enumerated *= left;
    this.lastMs = nowMs;
  }
}

const rounded = (share: number): number => Math.round(share * 100) / 100;
