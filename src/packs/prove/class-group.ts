/**
 * The variables that say in which class of its domain one field of the request is: the number of the class in binary. Numbers
 * beyond the last class stand for the last class too, so that no combination of variables is impossible.
 */
import { type Diagrams, type Edge } from "./diagram.ts";

/** The function that holds in one class. */
export interface ClassEdge {
  readonly at: number;
  readonly edge: Edge;
}

export class ClassGroup {
  readonly #diagrams: Diagrams;
  readonly #first: number;
  readonly #bits: number;
  readonly #count: number;

  constructor(diagrams: Diagrams, count: number) {
    this.#diagrams = diagrams;
    this.#count = count;
    this.#bits = Math.ceil(Math.log2(count));
    this.#first = diagrams.addVariables(this.#bits);
  }

  /** The function that is `edge` in each listed class, in rising order, and `rest` in all others. */
  build(listed: readonly ClassEdge[], rest: Edge): Edge {
    return this.#build({ bit: 0, base: 0, from: 0, to: listed.length }, listed, rest);
  }

  /** In which class a request is. */
  classOf(values: Uint8Array): number {
    let at = 0;
    for (let bit = 0; bit < this.#bits; bit++) at = at * 2 + (values[this.#first + bit] as number);
    return Math.min(at, this.#count - 1);
  }

  /** Whether the function cared in which class the request is. */
  isCared(cared: Uint8Array): boolean {
    return cared.subarray(this.#first, this.#first + this.#bits).includes(1);
  }

  /** Cares for all of the class where some of it is cared for. */
  careWhole(cared: Uint8Array): void {
    if (this.isCared(cared)) cared.fill(1, this.#first, this.#first + this.#bits);
  }

  #build(
    { bit, base, from, to }: Record<"bit" | "base" | "from" | "to", number>,
    listed: readonly ClassEdge[],
    rest: Edge,
  ): Edge {
    if (from === to) return rest;
    const size = 2 ** (this.#bits - bit);
    if (size === 1) return (listed[from] as ClassEdge).edge;
    const half = base + size / 2;
    const middle = firstFrom(listed, half, { from, to });
    const low = this.#build({ bit: bit + 1, base, from, to: middle }, listed, rest);
    // All of the upper half are numbers beyond the last class.
    const isBeyond = half > this.#count - 1;
    const high = isBeyond
      ? this.#last(listed, rest)
      : this.#build({ bit: bit + 1, base: half, from: middle, to }, listed, rest);
    return this.#diagrams.node(this.#first + bit, low, high);
  }

  #last(listed: readonly ClassEdge[], rest: Edge): Edge {
    const last = listed.at(-1);
    return last?.at === this.#count - 1 ? last.edge : rest;
  }
}

function firstFrom(
  listed: readonly ClassEdge[],
  at: number,
  { from, to }: Record<"from" | "to", number>,
): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((listed[middle] as ClassEdge).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
