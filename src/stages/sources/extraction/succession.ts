/**
 * Compares each input with the one before: how much of it changed, whether a few numbers moved in regular steps while the
 * rest stood still, and whether all of them moved along one line, as a search between two inputs does. It sees through
 * fields of random text, which `neighbours` does not; it loses its thread where other inputs come in between.
 */
import type { FixedFields } from "./fixed-fields.ts";
import { MAX_FIELDS, type InputRow } from "./input-row.ts";
import { StepRun } from "./step-run.ts";

/** Share of the fields that may change for a move of a few numbers, and how many always may. */
const FEW_SHARE = 0.25;
const FEW = 2;
/** Moves along one line that are free. */
const FREE_LINE = 3;
/** Inputs are rounded, so moves along a line are a little off it. */
const LINE_TOLERANCE = 0.02;

export interface Move {
  /** Share of the fields that changed. */
  readonly change: number;
  /** Worth as evidence, from 0 to 1. */
  readonly step: number;
}

const STILL: Move = { change: 0, step: 0 };

export class Succession {
  #shape = 0;
  readonly #parts = new Int32Array(MAX_FIELDS);
  readonly #numbers = new Float64Array(MAX_FIELDS);
  readonly #deltas = new Float64Array(MAX_FIELDS);
  readonly #runs = new Map<number, StepRun>();
  #line = 0;

  take(row: InputRow, fixed: FixedFields): Move {
    if (row.shape !== this.#shape) return this.#begin(row);
    let changed = 0;
    for (let i = 0; i < row.count; i++) if (row.parts[i] !== this.#parts[i]) changed++;
    if (changed === 0) return STILL;
    const isFew = changed <= Math.max(FEW, row.count * FEW_SHARE);
    // Another input altogether: what moved before is no beginning of what moves now.
    if (!isFew) this.#runs.clear();
    const line = this.#alongLine(row, fixed);
    const few = isFew && fixed.areEnoughAmong(row, this.#parts) ? this.#fewSteps(row) : 0;
    this.#keep(row);
    return { change: changed / row.count, step: Math.max(few, line) };
  }

  #begin(row: InputRow): Move {
    this.#shape = row.shape;
    this.#runs.clear();
    this.#line = 0;
    this.#deltas.fill(0);
    this.#numbers.set(row.numbers);
    this.#parts.set(row.parts);
    return STILL;
  }

  #keep(row: InputRow): void {
    for (let i = 0; i < row.count; i++)
      this.#deltas[i] = (row.numbers[i] as number) - (this.#numbers[i] as number);
    this.#numbers.set(row.numbers);
    this.#parts.set(row.parts);
  }

  #fewSteps(row: InputRow): number {
    let worth = 0;
    for (let i = 0; i < row.count; i++) {
      const step = (row.numbers[i] as number) - (this.#numbers[i] as number);
      if (row.parts[i] === this.#parts[i] || Number.isNaN(step)) continue;
      const run = this.#runs.get(i) ?? new StepRun();
      this.#runs.set(i, run);
      worth = Math.max(worth, run.take(step));
    }
    return worth;
  }

  /** Whether two or more numbers moved by the same multiple of what they moved before. */
  #alongLine(row: InputRow, fixed: FixedFields): number {
    let ratio = NaN;
    let moved = 0;
    for (let i = 0; i < row.count; i++) {
      const delta = (row.numbers[i] as number) - (this.#numbers[i] as number);
      const before = this.#deltas[i] as number;
      if (Number.isNaN(delta) || (delta === 0 && before === 0)) continue;
      const own = delta / before;
      if (Number.isNaN(ratio)) ratio = own;
      // Infinite: what moves now did not move before.
      const isOnLine =
        Number.isFinite(own) && Math.abs(own - ratio) <= LINE_TOLERANCE * Math.abs(ratio);
      if (!isOnLine) return this.#offLine();
      if (fixed.isRich(i)) moved++;
    }
    // There and back again is no search.
    const isBack = Math.abs(ratio + 1) <= LINE_TOLERANCE;
    if (moved < 2 || ratio === 0 || isBack) return this.#offLine();
    return ++this.#line > FREE_LINE ? 1 : 0;
  }

  #offLine(): number {
    this.#line = 0;
    return 0;
  }
}
