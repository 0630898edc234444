/** Measures of a pattern's parts, taken from the tree alone; a measure that is not known for sure must be the larger one. */
import { childrenOf, type PatternNode } from "./pattern-tree.ts";

/** Bytes that a match of the node takes. */
export interface Width {
  readonly min: number;
  /** May be `Infinity`. */
  readonly max: number;
}

const NOTHING: Width = { min: 0, max: 0 };

export function widthOf(node: PatternNode): Width {
  switch (node.kind) {
    case "empty":
    case "assertion":
    case "look":
      return NOTHING;
    case "bytes":
      return { min: 1, max: 1 };
    case "reference":
      return { min: 0, max: Infinity };
    case "capture":
    case "atomic":
      return widthOf(node.item);
    case "sequence":
      return node.items.map(widthOf).reduce((sum, each) => plus(sum, each), NOTHING);
    case "alternation": {
      const widths = node.items.map(widthOf);
      return {
        min: Math.min(...widths.map(({ min }) => min)),
        max: Math.max(...widths.map(({ max }) => max)),
      };
    }
    case "repeat": {
      const { min, max } = widthOf(node.item);
      return { min: min * node.min, max: max === 0 ? 0 : max * node.max };
    }
  }
}

function plus(one: Width, other: Width): Width {
  return { min: one.min + other.min, max: one.max + other.max };
}

/** How many nodes the tree has. */
export function nodeCountOf(node: PatternNode): number {
  return childrenOf(node).reduce((count, child) => count + nodeCountOf(child), 1);
}
