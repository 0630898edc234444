/**
 * Which route of another version stands for a route, and where on it a request goes. It must never send a request
 * anywhere but to the same thing of the other version: where that is not plain, there is no such route.
 */
import type { Route } from "../../pipeline/request-context.ts";

/** A route of another version, and which segments of the path name the version. */
export interface StandIn {
  readonly route: Route;
  readonly version: string;
  /** Segments to write in the place of those at these positions. */
  readonly segments: ReadonlyMap<number, string>;
}

/**
 * The one route of that version of the same model whose template differs in nothing but segments that name the version;
 * it takes the same methods. Undefined when there is none, or more than one.
 */
export function standInFor(
  route: Route,
  version: string,
  routes: readonly Route[],
): StandIn | undefined {
  const found = routes.flatMap((candidate): StandIn[] => {
    if (candidate.model !== route.model || candidate.version !== version) return [];
    if (!route.methods.every((method) => candidate.methods.includes(method))) return [];
    const segments = differingSegments(route, candidate);
    return segments ? [{ route: candidate, version, segments }] : [];
  });
  return found.length === 1 ? found[0] : undefined;
}

/** The request's path and query as the other version has it. `path` and `target` are canonical. */
export function targetOn({ segments }: StandIn, path: string, query: string): string {
  const parts = path.split("/");
  for (const [at, text] of segments) parts[at] = text;
  const other = parts.join("/");
  return query === "" ? other : `${other}?${query}`;
}

/** Undefined when the templates differ in anything else, or in nothing. */
function differingSegments(from: Route, to: Route): ReadonlyMap<number, string> | undefined {
  const before = from.template.split("/");
  const after = to.template.split("/");
  if (before.length !== after.length) return undefined;
  const segments = new Map<number, string>();
  for (const [at, text] of before.entries()) {
    const other = after[at] as string;
    if (text === other) continue;
    if (text !== from.version || other !== to.version) return undefined;
    segments.set(at, other);
  }
  return segments.size > 0 ? segments : undefined;
}
