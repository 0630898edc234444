/** What the heap holds once nothing is left that nobody needs. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Bytes after a full collection. */
export function heapBytes(): number {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * By how many bytes it grew over measurements of equal distance. The first fills caches; after that the least that is
 * ever held must stay where it is.
 */
export function growthOf(heaps: readonly number[]): number {
  return Math.min(...heaps.slice(-3)) - Math.max(...heaps.slice(1, 4));
}

/** What the heap may differ by when nothing grows: code that is compiled, automata that learn within their bounds. */
export const HEAP_NOISE_BYTES = 24_000_000;
