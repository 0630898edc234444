/** Makes of a pattern that needs backtracking one that an automaton can decide and that matches at least as much, never less. */
import { ALL_BYTES, ByteSet } from "./byte-set.ts";
import { isByteRun, isNotNext } from "./next-byte.ts";
import { childrenOf, type Pattern, type PatternNode, type Repeat } from "./pattern-tree.ts";

const ANYTHING: Repeat = {
  kind: "repeat",
  item: { kind: "bytes", set: ALL_BYTES },
  min: 0,
  max: Infinity,
  mode: "greedy",
};

/**
 * Whatever matches the pattern matches this one, too: look-around asks for nothing any more, references take any run of
 * the bytes their group is made of.
 */
export function relaxPattern(pattern: Pattern): Pattern {
  const groups = new Map<number, PatternNode>();
  collectGroups(pattern.root, groups);
  return { ...pattern, root: relaxed(pattern.root, groups) };
}

type Groups = ReadonlyMap<number, PatternNode>;

function collectGroups(node: PatternNode, groups: Map<number, PatternNode>): void {
  if (node.kind === "capture") groups.set(node.index, node.item);
  for (const child of childrenOf(node)) collectGroups(child, groups);
}

function relaxed(node: PatternNode, groups: Groups): PatternNode {
  switch (node.kind) {
    case "sequence":
    case "alternation":
      return { ...node, items: node.items.map((item) => relaxed(item, groups)) };
    case "capture":
      return { ...node, item: relaxed(node.item, groups) };
    case "atomic":
      return relaxed(node.item, groups);
    case "repeat":
      return ofRepeat(node, groups);
    case "look":
      return isNotNext(node) ? node : { kind: "empty" };
    case "reference":
      return ofReference(groups.get(node.index));
    case "assertion":
      return node.assertion === "endOrFinalNewline" ? { kind: "empty" } : node;
    case "bytes":
    case "empty":
      return node;
  }
}

function ofRepeat(node: Repeat, groups: Groups): PatternNode {
  const item = relaxed(node.item, groups);
  return {
    ...node,
    item,
    mode: isByteRun(node) || node.mode !== "possessive" ? node.mode : "greedy",
  };
}

function ofReference(group: PatternNode | undefined): PatternNode {
  const sets = group && setsOf(group);
  return sets ? { ...ANYTHING, item: { kind: "bytes", set: ByteSet.union(sets) } } : ANYTHING;
}

/** All sets of bytes in the node; undefined if a reference in it could bring others. In references case may not matter. */
function setsOf(node: PatternNode): ByteSet[] | undefined {
  if (node.kind === "bytes") return [node.set.withBothCases()];
  if (node.kind === "reference") return undefined;
  const all = childrenOf(node).map(setsOf);
  return all.every((sets) => sets !== undefined) ? all.flat() : undefined;
}
