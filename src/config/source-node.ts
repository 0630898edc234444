/**
 * A configuration as a tree that remembers where each value comes from. Files, variables and flags are laid over each
 * other here, before anything is validated, so that every later message can name its place.
 */
import type { ConfigPath, Origin } from "./diagnostic.ts";

type Scalar = string | number | boolean | null;

interface ScalarNode {
  readonly kind: "scalar";
  readonly origin: Origin;
  readonly value: Scalar;
}

interface ListNode {
  readonly kind: "list";
  readonly origin: Origin;
  readonly items: readonly SourceNode[];
}

export interface Entry {
  /** Where the key stands. */
  readonly keyOrigin: Origin;
  readonly node: SourceNode;
}

export interface MapNode {
  readonly kind: "map";
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, Entry>;
}

export type SourceNode = ScalarNode | ListNode | MapNode;

/** Plain data with one origin throughout, as variables and flags give it. */
export function nodeOf(value: unknown, origin: Origin): SourceNode {
  if (Array.isArray(value))
    return { kind: "list", origin, items: value.map((item) => nodeOf(item, origin)) };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]): [string, Entry] => [
      key,
      { keyOrigin: origin, node: nodeOf(item, origin) },
    ]);
    return { kind: "map", origin, entries: new Map(entries) };
  }
  return { kind: "scalar", origin, value: value as Scalar };
}

/**
 * `over` laid on `base`: mappings are merged key by key, everything else is replaced. Lists are replaced whole, because
 * their items have no names by which an overlay could mean one of them.
 */
export function mergeNodes(base: SourceNode, over: SourceNode): SourceNode {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const existing = entries.get(key);
    entries.set(key, existing ? { ...entry, node: mergeNodes(existing.node, entry.node) } : entry);
  }
  return { kind: "map", origin: base.origin, entries };
}

/** The tree with `value` laid over what stands at `path`; missing mappings on the way are made; an index behind the end appends. */
export function withValue(root: SourceNode, path: ConfigPath, value: SourceNode): SourceNode {
  const [part, ...rest] = path;
  if (part === undefined) return mergeNodes(root, value);
  const { origin } = value;
  if (typeof part === "number") {
    const items = root.kind === "list" ? [...root.items] : [];
    const index = Math.min(part, items.length);
    items[index] = withValue(items[index] ?? emptyMap(origin), rest, value);
    return { kind: "list", origin: root.kind === "list" ? root.origin : origin, items };
  }
  const base = root.kind === "map" ? root : emptyMap(origin);
  const existing = base.entries.get(part);
  const node = withValue(existing?.node ?? emptyMap(origin), rest, value);
  return {
    ...base,
    entries: new Map(base.entries).set(part, { keyOrigin: existing?.keyOrigin ?? origin, node }),
  };
}

/** The tree without what stands at `path`. */
export function withoutValue(root: SourceNode, path: ConfigPath): SourceNode {
  const [part, ...rest] = path;
  if (part === undefined) return root;
  if (root.kind === "list" && typeof part === "number") {
    const item = root.items[part];
    if (!item) return root;
    if (rest.length === 0) return { ...root, items: root.items.toSpliced(part, 1) };
    return { ...root, items: root.items.with(part, withoutValue(item, rest)) };
  }
  if (root.kind !== "map" || typeof part !== "string") return root;
  const entry = root.entries.get(part);
  if (!entry) return root;
  const entries = new Map(root.entries);
  if (rest.length === 0) entries.delete(part);
  else entries.set(part, { ...entry, node: withoutValue(entry.node, rest) });
  return { ...root, entries };
}

export function emptyMap(origin: Origin): MapNode {
  return { kind: "map", origin, entries: new Map() };
}

/** The tree as plain data, for the schema. */
export function valueOf(node: SourceNode): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(valueOf);
    case "map":
      return Object.fromEntries(
        Array.from(node.entries, ([key, entry]) => [key, valueOf(entry.node)]),
      );
  }
}

/** The deepest node on the way to `path`. */
export interface Found {
  readonly node: SourceNode;
  /** The key under which the node stands; undefined for list items and the root. */
  readonly keyOrigin: Origin | undefined;
  /** How many parts of the path were found; all of them when `depth` is the path's length. */
  readonly depth: number;
}

export function findNode(root: SourceNode, path: ConfigPath): Found {
  let found: Found = { node: root, keyOrigin: undefined, depth: 0 };
  for (const part of path) {
    const next = stepInto(found.node, part);
    if (!next) break;
    found = { ...next, depth: found.depth + 1 };
  }
  return found;
}

function stepInto(node: SourceNode, part: string | number): Omit<Found, "depth"> | undefined {
  if (node.kind === "list") {
    const item = typeof part === "number" ? node.items[part] : undefined;
    return item && { node: item, keyOrigin: undefined };
  }
  return node.kind === "map" ? node.entries.get(String(part)) : undefined;
}

/** Where to point for a complaint about a whole value: at itself, or at its key if it is empty or has parts. */
export function placeOf({ node, keyOrigin }: Found): Origin {
  const isVisible = node.kind === "scalar" && node.value !== null;
  return isVisible || !keyOrigin ? node.origin : keyOrigin;
}
