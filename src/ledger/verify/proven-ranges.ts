/** Which lines are proven: whole, in unbroken chain or tree, and under a checkpoint whose signature verified. */

export interface ProvenRange {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** Ranges kept; a ledger with more holes than this is told by its findings, not by its ranges. */
const LIMIT_RANGES = 1_000;

export class ProvenRanges {
  readonly #ranges: ProvenRange[] = [];
  /** Where the present unbroken run began. */
  #from = 0;

  get all(): readonly ProvenRange[] {
    return this.#ranges;
  }

  /** What comes from this line on is no longer bound to what came before. */
  restart(seq: number): void {
    this.#from = seq;
  }

  /** A verified checkpoint of the first `size` lines binds the present run up to there. */
  cover(size: number): void {
    if (size <= this.#from) return;
    const last = this.#ranges.at(-1);
    if (last && last.toSeq >= this.#from - 1 && last.fromSeq <= this.#from) {
      const toSeq = Math.max(last.toSeq, size - 1);
      this.#ranges[this.#ranges.length - 1] = { fromSeq: last.fromSeq, toSeq };
    } else if (this.#ranges.length < LIMIT_RANGES) {
      this.#ranges.push({ fromSeq: this.#from, toSeq: size - 1 });
    }
  }
}
