/**
 * What values the fields of a model take, over all its callers: whether a field that stays the same from one input to the
 * next says anything. Two customers often share a region; they never share an exact income.
 */
import { mixed, type InputRow } from "./input-row.ts";

const MAX_MODEL_FIELDS = 256;
/** Of 64 bits: set by some 30 different values. */
const RICH_BITS = 24;

/** Inputs after which a field that has had one value only is known to say nothing. */
const KNOWN_AFTER = 500;

/** Few values, as of categories and small counts. */
export const POOR = 0;
/** One value in the few inputs so far. */
export const CONSTANT = 1;
/** Very many values. */
export const RICH = 2;
export type Richness = typeof POOR | typeof CONSTANT | typeof RICH;

/** Sets of fields that are remembered in their order; a caller that sends ever new ones makes it forget them all. */
const MAX_SHAPES = 256;

export class FieldValues {
  #low = 0;
  #high = 0;
  #bits = 0;
  #seen = 0;

  /** Linear counting over 64 bits. */
  add(part: number): Richness {
    if (this.#bits >= RICH_BITS) return RICH;
    this.#seen++;
    const at = mixed(part, 7) >>> 26;
    const bit = 1 << (at & 31);
    const isNew = ((at < 32 ? this.#low : this.#high) & bit) === 0;
    if (isNew) {
      if (at < 32) this.#low |= bit;
      else this.#high |= bit;
      this.#bits++;
    }
    return this.#bits > 1 || this.#seen > KNOWN_AFTER ? POOR : CONSTANT;
  }
}

export class ModelFields {
  readonly #fields = new Map<number, FieldValues>();
  readonly #shapes = new Map<number, readonly (FieldValues | undefined)[]>();

  /** What is known of a row's fields, in their order; undefined of one that there is no room to know anything of. */
  of({ shape, ids, count }: InputRow): readonly (FieldValues | undefined)[] {
    const known = this.#shapes.get(shape);
    if (known) return known;
    if (this.#shapes.size >= MAX_SHAPES) this.#shapes.clear();
    const fields = Array.from({ length: count }, (_, i) => this.#field(ids[i] as number));
    this.#shapes.set(shape, fields);
    return fields;
  }

  #field(id: number): FieldValues | undefined {
    let field = this.#fields.get(id);
    if (!field && this.#fields.size < MAX_MODEL_FIELDS)
      this.#fields.set(id, (field = new FieldValues()));
    return field;
  }
}
