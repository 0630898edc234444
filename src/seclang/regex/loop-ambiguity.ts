/** Decides whether a repeated part could take the same bytes in two ways, which is what makes backtracking explode; when in doubt it could. */
import { ByteSet } from "./byte-set.ts";
import type { PatternNode, Repeat } from "./pattern-tree.ts";

/** What a part can begin with, where it can end, and whether it can be empty. */
interface Edges {
  readonly first: ByteSet;
  readonly last: readonly number[];
  readonly isNullable: boolean;
}

const NO_BYTES = ByteSet.of();
const EMPTY_EDGES: Edges = { first: NO_BYTES, last: [], isNullable: true };

/** Whether two different ways through the loop, boundaries of its rounds included, can read the same bytes. */
export function isAmbiguousLoop(loop: Repeat): boolean {
  const ambiguity = new PositionGraph();
  ambiguity.edgesOf({ ...loop, min: 0, max: Infinity });
  return ambiguity.isAmbiguous;
}

/** The positions of a pattern after Glushkov; leads from one to the next are counted, so that doubled ones show. */
class PositionGraph {
  isAmbiguous = false;
  /** At a position: the bytes that may come next. */
  readonly #follow: ByteSet[] = [];

  edgesOf(node: PatternNode): Edges {
    switch (node.kind) {
      case "bytes":
        return { first: node.set, last: [this.#follow.push(NO_BYTES) - 1], isNullable: false };
      case "sequence":
        return this.#sequence(node.items);
      case "alternation":
        return this.#alternation(node.items);
      case "repeat":
        return this.#repeat(node);
      case "capture":
      case "atomic":
        return this.edgesOf(node.item);
      case "empty":
      case "assertion":
        return EMPTY_EDGES;
      case "look":
      case "reference":
        this.isAmbiguous = true;
        return EMPTY_EDGES;
    }
  }

  #sequence(items: readonly PatternNode[]): Edges {
    return items.reduce<Edges>((before, item) => {
      const edges = this.edgesOf(item);
      this.#connect(before.last, edges.first);
      return {
        first: before.isNullable ? this.#disjointUnion(before.first, edges.first) : before.first,
        last: edges.isNullable ? [...before.last, ...edges.last] : edges.last,
        isNullable: before.isNullable && edges.isNullable,
      };
    }, EMPTY_EDGES);
  }

  #alternation(items: readonly PatternNode[]): Edges {
    let first = NO_BYTES;
    const last: number[] = [];
    let nullableCount = 0;
    for (const item of items) {
      const edges = this.edgesOf(item);
      first = this.#disjointUnion(first, edges.first);
      for (const position of edges.last) last.push(position);
      if (edges.isNullable) nullableCount++;
    }
    if (nullableCount > 1) this.isAmbiguous = true;
    return { first, last, isNullable: nullableCount > 0 };
  }

  #repeat({ item, min, max }: Repeat): Edges {
    const edges = this.edgesOf(item);
    // Counted rounds are taken for endless ones: at least as many ways.
    if (max > 1) this.#connect(edges.last, edges.first);
    if (max > 1 && edges.isNullable && edges.last.length > 1) this.isAmbiguous = true;
    return { ...edges, isNullable: edges.isNullable || min === 0 };
  }

  #connect(last: readonly number[], first: ByteSet): void {
    for (const position of last) {
      this.#follow[position] = this.#disjointUnion(this.#follow[position] ?? NO_BYTES, first);
    }
  }

  #disjointUnion(one: ByteSet, other: ByteSet): ByteSet {
    if (one.overlaps(other)) this.isAmbiguous = true;
    return ByteSet.union([one, other]);
  }
}
