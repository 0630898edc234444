/** The tree a pattern is parsed to, free of flags and spelling: what is not in these kinds does not exist for the engines. */
import type { ByteSet } from "./byte-set.ts";

/** A place in the value, between two bytes. */
export type Assertion =
  | "start"
  | "end"
  /** `\Z`: the end, or before a newline that is the last byte. */
  | "endOrFinalNewline"
  /** `^` with flag m: the start, or after a newline that is not the last byte. */
  | "lineStart"
  /** `$` with flag m: the end, or before any newline. */
  | "lineEnd"
  | "wordBoundary"
  | "notWordBoundary";

/** Possessive gives nothing back once it has matched. */
export type RepeatMode = "greedy" | "lazy" | "possessive";

export interface Repeat {
  readonly kind: "repeat";
  readonly item: PatternNode;
  readonly min: number;
  /** May be `Infinity`. */
  readonly max: number;
  readonly mode: RepeatMode;
}

export interface Look {
  readonly kind: "look";
  readonly item: PatternNode;
  readonly isBehind: boolean;
  readonly isNegated: boolean;
}

/** Case-insensitivity and dot-all are resolved into the byte sets; only references still carry a flag. */
export type PatternNode =
  | { readonly kind: "empty" }
  | { readonly kind: "bytes"; readonly set: ByteSet }
  | { readonly kind: "sequence" | "alternation"; readonly items: readonly PatternNode[] }
  | Repeat
  | { readonly kind: "capture"; readonly item: PatternNode; readonly index: number }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | Look
  | { readonly kind: "reference"; readonly index: number; readonly ignoresCase: boolean }
  | { readonly kind: "atomic"; readonly item: PatternNode };

/** The nodes right below, in order. */
export function childrenOf(node: PatternNode): readonly PatternNode[] {
  if ("items" in node) return node.items;
  return "item" in node ? [node.item] : [];
}

/** A parsed pattern. */
export interface Pattern {
  readonly root: PatternNode;
  /** Groups are numbered from 1 to this. */
  readonly captureCount: number;
  readonly captureNames: ReadonlyMap<string, number>;
}

export type RefusalCode =
  /** Not a pattern PCRE would take, or one whose meaning is not known for sure. */
  | "syntax"
  /** PCRE takes it, this engine does not. */
  | "unsupported"
  /** Too long, too deep, or its counted repeats need too much memory. */
  | "tooLarge"
  /** Means something an automaton cannot decide: look-around, back-references, atomic groups. */
  | "notRegular";

/** A pattern that cannot be used; the message says why in words for the operator. */
export class PatternRefused extends Error {
  override readonly name = "PatternRefused";
  readonly code: RefusalCode;
  /** Byte offset in the pattern's source, or undefined when it is the whole pattern. */
  readonly position: number | undefined;

  constructor(code: RefusalCode, reason: string, position?: number) {
    super(position === undefined ? reason : `${reason} (at offset ${position})`);
    this.code = code;
    this.position = position;
  }
}
