/** A route's pointers as one tree, so that an answer is walked once. It must never mask less than a pointer names. */

/** Where some pointers stand after the same tokens. */
export interface MaskNode {
  readonly isMasked: boolean;
  readonly children: ReadonlyMap<string, MaskNode>;
  /** What `*` leads to. */
  readonly any: MaskNode | undefined;
}

interface Growing {
  isMasked: boolean;
  readonly children: Map<string, Growing>;
  any: Growing | undefined;
}

const grow = (): Growing => ({ isMasked: false, children: new Map(), any: undefined });

export function buildMaskTree(pointers: readonly string[]): MaskNode {
  const root = grow();
  for (const pointer of pointers) {
    let node = root;
    for (const token of pointer.split("/").slice(1)) node = childOf(node, token);
    node.isMasked = true;
  }
  return root;
}

function childOf(node: Growing, token: string): Growing {
  if (token === "*") return (node.any ??= grow());
  // RFC 6901 section 4: "~1" first, so that "~01" becomes "~1" and not "/".
  const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
  const child = node.children.get(name) ?? grow();
  node.children.set(name, child);
  return child;
}

/** No pointer goes on from here. */
const NO_NODES: readonly MaskNode[] = [];

/** Where pointers that stand at `nodes` stand one member further. */
export function nodesBelow(nodes: readonly MaskNode[], token: string): readonly MaskNode[] {
  if (nodes.length === 0) return NO_NODES;
  const below: MaskNode[] = [];
  for (const { children, any } of nodes) {
    const child = children.get(token);
    if (child) below.push(child);
    if (any) below.push(any);
  }
  return below.length > 0 ? below : NO_NODES;
}
