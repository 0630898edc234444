/**
 * How many different inputs there were in a window, in 256 bytes whatever their number: HyperLogLog (Flajolet and others,
 * 2007) with 128 registers, right to within a tenth. Two windows of it, the older one counted for the share that is left.
 */

const REGISTERS = 128;
const REGISTER_BITS = 7;
/** The correction of the paper for 128 registers. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

class Sketch {
  readonly #registers = new Uint8Array(REGISTERS);
  #sum = REGISTERS;
  #empty = REGISTERS;

  add(hash: number): void {
    const at = hash >>> (32 - REGISTER_BITS);
    const rank = Math.clz32((hash << REGISTER_BITS) | (1 << (REGISTER_BITS - 1))) + 1;
    const before = this.#registers[at] as number;
    if (rank <= before) return;
    if (before === 0) this.#empty--;
    this.#sum += 2 ** -rank - 2 ** -before;
    this.#registers[at] = rank;
  }

  get estimate(): number {
    const raw = (ALPHA * REGISTERS * REGISTERS) / this.#sum;
    // Linear counting where most registers are empty, as the paper has it.
    return raw <= 2.5 * REGISTERS && this.#empty > 0
      ? REGISTERS * Math.log(REGISTERS / this.#empty)
      : raw;
  }
}

export class DistinctCount {
  #startMs: number;
  #current = new Sketch();
  #previous = 0;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  /** Takes a well mixed hash in. */
  add(hash: number, nowMs: number, windowMs: number): void {
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs >= windowMs) {
      this.#previous = elapsedMs < 2 * windowMs ? this.#current.estimate : 0;
      this.#startMs = nowMs;
      this.#current = new Sketch();
    }
    this.#current.add(hash);
  }

  estimate(nowMs: number, windowMs: number): number {
    const left = Math.max(0, 1 - (nowMs - this.#startMs) / windowMs);
    return Math.round(this.#current.estimate + this.#previous * left);
  }
}
