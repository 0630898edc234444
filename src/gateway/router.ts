/**
 * Finds the one route of a path. Exact paths are one map look-up; the rest is a walk over a tree of segments. It knows
 * nothing of methods: a wrong method on a right path is the contract's to refuse.
 */
import { PARAMETER_TYPES, type ParameterType, type PathTemplate } from "./path-template.ts";

export interface Match<T> {
  readonly value: T;
  readonly params: Readonly<Record<string, string>>;
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  readonly parameters: { readonly type: ParameterType; readonly node: Node<T> }[];
  /** Ends here: the value and the names of the parameters on the way. */
  leaf?: { readonly value: T; readonly names: readonly string[] };
  /** Matches everything below. */
  open?: { readonly value: T; readonly names: readonly string[] };
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

export class Router<T> {
  readonly #exact = new Map<string, Match<T>>();
  readonly #root: Node<T> = emptyNode();

  /** Adds a template that overlaps no other; the caller has checked that with `mayOverlap`. */
  add(template: PathTemplate, value: T): void {
    const names: string[] = [];
    let node = this.#root;
    for (const segment of template.segments) {
      if (segment.kind === "parameter") names.push(segment.name);
      node =
        segment.kind === "literal"
          ? literalChild(node, segment.text)
          : parameterChild(node, segment.type);
    }
    if (template.isOpen) node.open = { value, names };
    else if (names.length === 0) this.#exact.set(template.text, { value, params: NO_PARAMS });
    else node.leaf = { value, names };
  }

  /** The match for a canonical path, or undefined. */
  find(path: string): Match<T> | undefined {
    const exact = this.#exact.get(path);
    if (exact) return exact;
    const segments = path === "/" ? [] : path.slice(1).split("/");
    return walk(this.#root, segments, 0, []);
  }
}

function walk<T>(
  node: Node<T>,
  segments: readonly string[],
  at: number,
  values: string[],
): Match<T> | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.leaf && matchOf(node.leaf, values);
  const literal = node.literals.get(segment);
  const below = literal && walk(literal, segments, at + 1, values);
  if (below) return below;
  for (const { type, node: child } of node.parameters) {
    if (!PARAMETER_TYPES[type].test(segment)) continue;
    const found = walk(child, segments, at + 1, [...values, segment]);
    if (found) return found;
  }
  return node.open && matchOf(node.open, values);
}

function matchOf<T>(
  end: { value: T; names: readonly string[] },
  values: readonly string[],
): Match<T> {
  if (end.names.length === 0) return { value: end.value, params: NO_PARAMS };
  const params: Record<string, string> = {};
  end.names.forEach((name, i) => (params[name] = values[i] as string));
  return { value: end.value, params };
}

const emptyNode = <T>(): Node<T> => ({ literals: new Map(), parameters: [] });

function literalChild<T>(node: Node<T>, text: string): Node<T> {
  const known = node.literals.get(text);
  if (known) return known;
  const child = emptyNode<T>();
  node.literals.set(text, child);
  return child;
}

function parameterChild<T>(node: Node<T>, type: ParameterType): Node<T> {
  const known = node.parameters.find((parameter) => parameter.type === type);
  if (known) return known.node;
  const child = emptyNode<T>();
  node.parameters.push({ type, node: child });
  return child;
}
