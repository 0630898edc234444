/**
 * Whether the numbers of an input that stand still make a change of the others evidence: where all that stands still are
 * categories, a batch of customers in the order of their age looks like a sweep over the age.
 */
import { MAX_FIELDS, type InputRow } from "./input-row.ts";
import { CONSTANT, POOR, RICH, type ModelFields } from "./model-fields.ts";

/** One number of very many values is enough, or two of which no second value is known yet. */
const LEAST_RICH = 1;
const LEAST_CONSTANT = 2;

export class FixedFields {
  readonly #richness = new Uint8Array(MAX_FIELDS);
  #rich = 0;
  #constant = 0;

  /** Takes the values of a row in, and looks at this row until the next. */
  look(row: InputRow, model: ModelFields): void {
    const fields = model.of(row);
    this.#rich = 0;
    this.#constant = 0;
    for (let i = 0; i < row.count; i++) {
      const known = fields[i]?.add(row.parts[i] as number) ?? POOR;
      const richness = Number.isNaN(row.numbers[i]) ? POOR : known;
      this.#richness[i] = richness;
      if (richness === RICH) this.#rich++;
      else if (richness === CONSTANT) this.#constant++;
    }
  }

  isRich(field: number): boolean {
    return this.#richness[field] === RICH;
  }

  /** Whether all other numbers are enough. */
  areEnoughWithout(field: number): boolean {
    const richness = this.#richness[field];
    return this.#areEnough(Number(richness === RICH), Number(richness === CONSTANT));
  }

  /** Whether the numbers are enough whose parts are as they were. */
  areEnoughAmong(row: InputRow, before: Int32Array): boolean {
    let rich = 0;
    let constant = 0;
    for (let i = 0; i < row.count; i++) {
      if (row.parts[i] === before[i]) continue;
      if (this.#richness[i] === RICH) rich++;
      else if (this.#richness[i] === CONSTANT) constant++;
    }
    return this.#areEnough(rich, constant);
  }

  #areEnough(richLess: number, constantLess: number): boolean {
    return this.#rich - richLess >= LEAST_RICH || this.#constant - constantLess >= LEAST_CONSTANT;
  }
}
