/** What assertions see of the byte beside a place; knows nothing further away, so that an automaton can carry it along. */
import { WORD_BYTES } from "./byte-set.ts";
import type { Assertion } from "./pattern-tree.ts";

export const CONTEXT = {
  /** No byte: the value begins or ends here. */
  edge: 0,
  word: 1,
  newline: 2,
  other: 3,
} as const;

export type Context = (typeof CONTEXT)[keyof typeof CONTEXT];

/** How many contexts there are. */
export const CONTEXT_COUNT = 4;

export function contextOf(byte: number): Context {
  if (byte === 0x0a) return CONTEXT.newline;
  return WORD_BYTES.has(byte) ? CONTEXT.word : CONTEXT.other;
}

/** Whether the assertion holds between the two, which are in the order of the value, not of the scan. */
export function holdsBetween(assertion: Assertion, before: Context, after: Context): boolean {
  switch (assertion) {
    case "start":
      return before === CONTEXT.edge;
    case "end":
      return after === CONTEXT.edge;
    case "lineStart":
      return before === CONTEXT.edge || (before === CONTEXT.newline && after !== CONTEXT.edge);
    case "lineEnd":
      return after === CONTEXT.edge || after === CONTEXT.newline;
    case "wordBoundary":
      return (before === CONTEXT.word) !== (after === CONTEXT.word);
    case "notWordBoundary":
      return (before === CONTEXT.word) === (after === CONTEXT.word);
    case "endOrFinalNewline":
      throw new Error("needs more than one byte of context");
  }
}
