/**
 * What a kill switch names that the configuration does not have. It is said and not refused: a version that is shut now
 * may be deployed later, and must be shut then.
 */
import type { CompiledRoute } from "../../gateway/compile-routes.ts";
import type { RootConfig } from "../../gateway/schema.ts";
import { standInFor } from "../../stages/kill-switch/served-route.ts";
import type { KillDraft, KillScope } from "../../stores/kill/kill-switch-store.ts";

export interface KnownThings {
  readonly root: Pick<RootConfig, "upstreams" | "constitution">;
  readonly routes: readonly Pick<CompiledRoute, "route">[];
}

export function scopeWarnings(
  { scope, routeTo }: Pick<KillDraft, "scope" | "routeTo">,
  known: KnownThings,
): string[] {
  const unknown = unknownParts(scope, known);
  if (unknown.length > 0)
    return unknown.map((what) => `${what}: it shuts nothing until there is one`);
  if (routeTo === undefined) return [];
  const routes = known.routes.map(({ route }) => route);
  return routes
    .filter(({ model, version }) => model === scope.model && version === scope.version)
    .filter((route) => standInFor(route, routeTo, routes) === undefined)
    .map(
      ({ id }) =>
        `version ${routeTo} has no route that stands for ${id}: requests for it are refused`,
    );
}

function unknownParts(scope: KillScope, { root, routes }: KnownThings): string[] {
  const { model, version, route, provider, policy } = scope;
  const found: string[] = [];
  const hasRoute = (isWanted: (one: CompiledRoute["route"]) => boolean): boolean =>
    routes.some((one) => isWanted(one.route));
  if (model !== undefined && !hasRoute((one) => one.model === model))
    found.push(`the configuration has no model "${model}"`);
  else if (
    version !== undefined &&
    !hasRoute((one) => one.model === model && one.version === version)
  )
    found.push(`model ${model ?? ""} has no version "${version}" in the configuration`);
  if (route !== undefined && !hasRoute((one) => one.id === route))
    found.push(`the configuration has no route "${route}"`);
  if (provider !== undefined && !Object.hasOwn(root.upstreams, provider))
    found.push(`the configuration has no upstream "${provider}"`);
  if (policy !== undefined && root.constitution === undefined)
    found.push("the configuration has no constitution");
  return found;
}
