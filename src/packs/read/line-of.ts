/** The line of a value or a key, for what is kept of a pack beyond its text. */
import type { Origin } from "../../config/diagnostic.ts";

/** One-based; 1 for what is not from a file. */
export function lineOf(origin: Origin): number {
  return origin.kind === "file" ? origin.source.position(origin.start).line : 1;
}
