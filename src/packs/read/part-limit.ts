/** Bounds how many parts of one kind a pack has. */
import type { SourceNode } from "../../config/source-node.ts";
import type { Findings } from "./findings.ts";

interface PartLimit {
  readonly limit: number;
  /** "bits" */
  readonly what: string;
}

/** All nodes, or none when there are too many, which is found. */
export function takeAtMost(
  nodes: readonly SourceNode[],
  { limit, what }: PartLimit,
  findings: Findings,
): readonly SourceNode[] {
  const tooMany = nodes[limit];
  if (!tooMany) return nodes;
  const message = `${nodes.length} ${what}; ${limit} are allowed`;
  findings.add(tooMany.origin, { code: "pack.too_many", message, hint: "divide the pack" });
  return [];
}
