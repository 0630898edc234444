/** Finds sets of bytes of which every matching value must contain one each; a second filter beside the literals, as cheap as a mask. */
import { setFrequency } from "./byte-frequency.ts";
import { ByteSet } from "./byte-set.ts";
import type { Pattern, PatternNode } from "./pattern-tree.ts";

/** Sets that ordinary values contain anyway say nothing. */
const USEFUL_FREQUENCY = 0.2;
/** More conditions than this stop nothing that the rarest would not have stopped. */
const SETS_LIMIT = 4;

/** The rarest sets, rarest first; none when a match may do without. Case counts: the value is meant as it is. */
export function requiredBytes(pattern: Pattern): readonly ByteSet[] {
  return rarest(setsOf(pattern.root));
}

function setsOf(node: PatternNode): readonly ByteSet[] {
  switch (node.kind) {
    case "bytes":
      return [node.set];
    case "sequence":
      return rarest(node.items.flatMap(setsOf));
    case "alternation":
      return ofAlternation(node.items);
    case "repeat":
      return node.min > 0 ? setsOf(node.item) : [];
    case "capture":
    case "atomic":
      return setsOf(node.item);
    case "look":
      return node.isNegated ? [] : setsOf(node.item);
    case "empty":
    case "assertion":
    case "reference":
      return [];
  }
}

/** One set for all branches, made of the rarest of each. */
function ofAlternation(items: readonly PatternNode[]): readonly ByteSet[] {
  const sets: ByteSet[] = [];
  for (const item of items) {
    const [first] = setsOf(item);
    if (!first) return [];
    sets.push(first);
  }
  return rarest([ByteSet.union(sets)]);
}

function rarest(sets: readonly ByteSet[]): readonly ByteSet[] {
  const rare = [...new Set(sets)].filter((set) => setFrequency(set) <= USEFUL_FREQUENCY);
  if (rare.length < 2) return rare;
  const distinct = new Map(rare.map((set) => [set.toString(), set]));
  return [...distinct.values()]
    .sort((a, b) => setFrequency(a) - setFrequency(b))
    .slice(0, SETS_LIMIT);
}
