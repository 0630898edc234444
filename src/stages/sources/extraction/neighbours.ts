/**
 * Finds inputs that differ from earlier ones in one number alone, wherever in the stream of a caller's inputs they stand:
 * by the hash of everything else. In bounded memory, so that an enumeration thinned out very far goes by unseen.
 */
import type { FixedFields } from "./fixed-fields.ts";
import { mixed, type InputRow } from "./input-row.ts";
import { StepRun } from "./step-run.ts";

/** Hashes of rests that were seen once, at random places: some 25 inputs of 20 fields. */
const RECENT = 512;
/** Whole inputs that are remembered as such. */
const REPEATS = 64;
/** Rests that were seen again: a grid over two features of 50 points each has that many. */
const SLOTS = 100;
/** Different values beside one rest that are free: somebody asks what if. */
const FREE_VALUES = 8;

interface Slot {
  rest: number;
  value: number;
  values: number;
  run: StepRun;
}

export interface NeighbourEvidence {
  /** Worth of the steps, from 0 to 1. */
  step: number;
  /** Whether it is one more of many values beside the same rest, in whatever order. */
  isEnumerated: boolean;
}

export class Neighbours {
  readonly #recent = new Int32Array(RECENT);
  readonly #inputs = new Int32Array(REPEATS);
  /** In the order of their last use. */
  readonly #slots = new Map<number, Slot>();
  #time = 0;

  /** Whether the very same input was there lately. */
  isRepeat({ total }: InputRow): boolean {
    return this.#inputs.includes(total);
  }

  /** `fixed` says of which fields a change is evidence. */
  take(row: InputRow, fixed: FixedFields): NeighbourEvidence {
    const found = { step: 0, isEnumerated: false };
    this.#inputs[this.#time++ % REPEATS] = row.total;
    for (let i = 0; i < row.count; i++) {
      const value = row.numbers[i] as number;
      if (Number.isNaN(value) || !fixed.areEnoughWithout(i)) continue;
      const rest = mixed(row.total ^ (row.parts[i] as number), row.ids[i] as number);
      const slot = this.#slots.get(rest);
      if (slot) this.#visit(slot, value, found);
      else if (this.#wasRecent(rest)) this.#open(rest, value);
    }
    return found;
  }

  #wasRecent(hash: number): boolean {
    const at = (hash >>> 0) % RECENT;
    if (this.#recent[at] === hash) return true;
    this.#recent[at] = hash;
    return false;
  }

  #open(rest: number, value: number): void {
    const oldest = this.#slots.size < SLOTS ? undefined : this.#slots.keys().next().value;
    if (oldest !== undefined) this.#slots.delete(oldest);
    this.#slots.set(rest, { rest, value, values: 2, run: new StepRun() });
  }

  #visit(slot: Slot, value: number, found: NeighbourEvidence): void {
    this.#slots.delete(slot.rest);
    this.#slots.set(slot.rest, slot);
    const step = value - slot.value;
    if (step === 0) return;
    slot.value = value;
    slot.values++;
    found.step = Math.max(found.step, slot.run.take(step));
    if (slot.values > FREE_VALUES) found.isEnumerated = true;
  }
}
