/** One number of a request: absent, equal to one of the numbers written in the packs, or between two of them. */
import { isAlwaysThere } from "./always-there.ts";
import type { Answer } from "./answer.ts";
import { ClassGroup, type ClassEdge } from "./class-group.ts";
import type { NumberName, Order } from "./comparison.ts";
import { FALSE, TRUE, type Diagrams, type Edge } from "./diagram.ts";

/** Both ends excluded, or one number when they are equal. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

export class NumberField {
  readonly name: NumberName;
  readonly group: ClassGroup;
  readonly #cuts: readonly number[];
  readonly #places: ReadonlyMap<number, number>;
  readonly #first: number;
  readonly #count: number;
  readonly isThere: Edge;

  constructor(diagrams: Diagrams, name: NumberName, cuts: ReadonlySet<number>) {
    this.name = name;
    this.#cuts = [...cuts].sort((a, b) => a - b);
    this.#places = new Map(this.#cuts.map((cut, at) => [cut, at]));
    this.#first = isAlwaysThere(name) ? 0 : 1;
    this.#count = this.#first + this.#cuts.length * 2 + 1;
    this.group = new ClassGroup(diagrams, this.#count);
    this.isThere = this.#first === 0 ? TRUE : this.group.build([{ at: 0, edge: FALSE }], TRUE);
  }

  /** "The number is less than (and so on) `to`", which is one of the cuts. */
  compare(orders: readonly Order[], to: number): Answer {
    const equal = this.#first + (this.#places.get(to) as number) * 2 + 1;
    const holding: ClassEdge[] = [];
    for (let at = this.#first; at < this.#count; at++) {
      const order = at < equal ? "<" : at === equal ? "=" : ">";
      if (orders.includes(order)) holding.push({ at, edge: TRUE });
    }
    return this.#holdingIn(holding);
  }

  isOneOf(values: readonly number[]): Answer {
    const places = values.map((value) => this.#first + (this.#places.get(value) as number) * 2 + 1);
    const rising = [...new Set(places)].sort((a, b) => a - b);
    return this.#holdingIn(rising.map((at) => ({ at, edge: TRUE })));
  }

  /** Where the request's number lies; undefined when it has none. */
  intervalIn(values: Uint8Array): Interval | undefined {
    const at = this.group.classOf(values) - this.#first;
    if (at < 0) return undefined;
    const from = this.#cuts[((at + 1) >> 1) - 1] ?? -Infinity;
    return { from, to: at % 2 === 1 ? from : (this.#cuts[at >> 1] ?? Infinity) };
  }

  #holdingIn(holding: readonly ClassEdge[]): Answer {
    return { isThere: this.isThere, holds: this.group.build(holding, FALSE) };
  }
}
