/** Recognises what looks at no more than the one byte to come: an automaton can decide that, and nothing that looks further. */
import type { Look, PatternNode, Repeat } from "./pattern-tree.ts";

type BytesNode = PatternNode & { readonly kind: "bytes" };

/** A repeat of single bytes without end; possessive it is the greedy one, and then a byte that is not one of them. */
export function isByteRun(node: Repeat): node is Repeat & { readonly item: BytesNode } {
  return node.item.kind === "bytes" && node.max === Infinity;
}

/** A negative look-ahead for one byte. */
export function isNotNext(node: Look): node is Look & { readonly item: BytesNode } {
  return node.isNegated && !node.isBehind && node.item.kind === "bytes";
}
