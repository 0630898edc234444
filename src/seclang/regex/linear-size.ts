/** Says, without building anything, how large the automaton of a pattern would be; must count what `compileLinear` writes, no less. */
import { PROGRAM_LIMIT } from "./linear-program.ts";
import { isByteRun, isNotNext } from "./next-byte.ts";
import type { Pattern, PatternNode, Repeat } from "./pattern-tree.ts";

/** What makes a size hopeless: no automaton decides the node. */
const NOT_REGULAR = Infinity;

/** Instructions of the program with its groups; `Infinity` when no automaton can decide the pattern. */
export function linearSize(pattern: Pattern): number {
  return 1 + sizeOf(pattern.root);
}

/** Whether all linear programs of the pattern can be built. */
export function isLinear(pattern: Pattern): boolean {
  return linearSize(pattern) <= PROGRAM_LIMIT;
}

function sizeOf(node: PatternNode): number {
  switch (node.kind) {
    case "empty":
      return 0;
    case "bytes":
      return 1;
    case "assertion":
      return node.assertion === "endOrFinalNewline" ? NOT_REGULAR : 1;
    case "capture":
      return 2 + sizeOf(node.item);
    case "sequence":
      return sumOf(node.items);
    case "alternation":
      return sumOf(node.items) + node.items.length - 1;
    case "repeat":
      return ofRepeat(node);
    case "look":
      return isNotNext(node) ? 1 : NOT_REGULAR;
    case "reference":
    case "atomic":
      return NOT_REGULAR;
  }
}

function sumOf(items: readonly PatternNode[]): number {
  return items.reduce((sum, item) => sum + sizeOf(item), 0);
}

function ofRepeat(node: Repeat): number {
  const { item, min, max, mode } = node;
  if (mode === "possessive" && !isByteRun(node)) return NOT_REGULAR;
  const size = sizeOf(item);
  if (size === NOT_REGULAR) return NOT_REGULAR;
  const required = min * size;
  if (max !== Infinity) return required + (max - min) * (size + 1);
  return required + size + 1 + (mode === "possessive" ? 1 : 0);
}
