/** The state of one counted search: value, groups, and how much work is left; whoever works for a search must count here. */
import type { ByteSet } from "./byte-set.ts";

/** Nested calls for one attempt, in nodes of the pattern; V8's stack holds about ten thousand. */
const DEPTH_LIMIT = 3_000;

/** Goes on from a place in the value: whether the rest of the pattern matches from there. */
export type Go = (place: number) => boolean;

/** Thrown out of a search that may not go on. */
export class StepsSpent extends Error {}

export class CountedSearch {
  value = "";
  /** Where the groups begin and end, as in `GroupPlaces`; an attempt that fails puts back what it changed. */
  places: number[] = [];
  steps = 0;
  #stepsLimit = 0;
  #depth = 0;

  begin(value: string, { groups, stepsLimit }: { groups: number; stepsLimit: number }): void {
    this.value = value;
    this.places = Array.from({ length: 2 * groups }, () => -1);
    this.steps = 0;
    this.#stepsLimit = stepsLimit;
    this.#depth = 0;
  }

  count(steps = 1): void {
    this.steps += steps;
    if (this.steps > this.#stepsLimit) throw new StepsSpent();
  }

  /** Calls that stay on the stack until the attempt ends; negative when they have ended. */
  nest(nodes: number): void {
    this.#depth += nodes;
    if (this.#depth > DEPTH_LIMIT) throw new StepsSpent();
  }
}

const tables = new WeakMap<ByteSet, Uint8Array>();

/** At each byte 1 if it is in the set. */
export function tableOf(set: ByteSet): Uint8Array {
  const known = tables.get(set);
  if (known !== undefined) return known;
  const table = new Uint8Array(256);
  for (const byte of set.bytes()) table[byte] = 1;
  tables.set(set, table);
  return table;
}
