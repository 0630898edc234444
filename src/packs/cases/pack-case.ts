/** One case of a pack: what is known about a request, and what the pack is expected to say. */
import type { FieldValues } from "../fields.ts";

/** What is left out is not compared. */
export interface Expected {
  readonly output: string;
  /** The wire, or the bit as a trigger, that decides; null: none. */
  readonly wire?: string | null;
  /** The bit that failed; null: none. */
  readonly bit?: string | null;
  readonly effect?: string;
  readonly status?: number;
}

export interface PackCase {
  readonly name: string;
  /** One-based, where the case begins. */
  readonly line: number;
  readonly values: FieldValues;
  /** Seconds since the epoch; undefined when neither the case nor its file says. */
  readonly nowSeconds: number | undefined;
  readonly expected: Expected;
}
