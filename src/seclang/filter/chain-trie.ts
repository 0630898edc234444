/**
 * The transformation chains as one tree, so that what chains share is computed once; a node must never be numbered by
 * anything but the chains, since cached variants are kept by these numbers.
 */
import { TRANSFORMATIONS } from "../transformations/table.ts";
import type { Transformation } from "../transformations/transformation.ts";
import { effectOf, type Effect } from "./chain-effects.ts";

/** What a node adds to its parent. */
export interface ChainNode {
  /** ROOT for the first transformation of a chain. */
  readonly parent: number;
  readonly name: string;
  readonly transformation: Transformation;
  readonly effect: Effect;
}

/** The untransformed value. */
export const ROOT = -1;

export interface ChainTrie {
  readonly nodes: readonly ChainNode[];
  /** By chain number: its node, or ROOT. */
  readonly nodeOf: readonly number[];
}

/** Throws RangeError for a name that is no transformation. `none` and its repetitions add nothing. */
export function buildChainTrie(chains: readonly (readonly string[])[]): ChainTrie {
  const nodes: ChainNode[] = [];
  const known = new Map<string, number>();
  const nodeOf = chains.map((chain) => {
    let at = ROOT;
    for (const name of chain) {
      if (name === "none") continue;
      const transformation = TRANSFORMATIONS.get(name);
      if (transformation === undefined) throw new RangeError(`there is no transformation ${name}`);
      const key = `${at} ${name}`;
      const next =
        known.get(key) ??
        nodes.push({ parent: at, name, transformation, effect: effectOf(name) }) - 1;
      known.set(key, next);
      at = next;
    }
    return at;
  });
  return { nodes, nodeOf };
}
