/** Finds settings that could never do anything: a grant for a route that does not exist, a limit for an unknown tier. */
import type { ConfigPath } from "../config/diagnostic.ts";
import { idleGrants } from "../stages/authorization/stage.ts";
import { findLimitMistakes } from "../stages/limits/mistakes.ts";
import type { CompiledRoute } from "./compile-routes.ts";
import type { RootConfig } from "./schema.ts";

/** A setting without effect, with its place. A policy that does not bind is a mistake, never a silence. */
export interface IdleSetting {
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint: string;
}

export function findIdleSettings(
  root: RootConfig,
  routes: readonly CompiledRoute[],
): readonly IdleSetting[] {
  return [
    ...findIdleGrants(root, routes),
    ...findLimitMistakes(
      root.limits,
      routes.map(({ at, route, settings }) => ({ at, route, limits: settings.limits })),
    ),
    ...findIdleEdge(root),
    ...findIdleCanaryRoutes(root, routes),
    ...findIdleFirewall(root, routes),
  ];
}

function findIdleGrants(
  { authorization }: RootConfig,
  routes: readonly CompiledRoute[],
): IdleSetting[] {
  const idle = new Set(
    idleGrants(
      { ...authorization, routes: new Map() },
      routes.map(({ route }) => route),
    ),
  );
  return authorization.grants.flatMap((grant, index) => {
    if (!idle.has(grant.name ?? `grants[${index}]`)) return [];
    return [
      {
        at: ["authorization", "grants", index],
        message: "no route fits this grant, so it allows nothing",
        hint: "check model, version, route and method; `portcullis config routes` lists what there is",
      },
    ];
  });
}

/** Edges are known by their certificates: without a listener that asks for them nobody is one. */
function findIdleEdge({ constitution, identity, listeners }: RootConfig): IdleSetting[] {
  const isAsked = listeners.some(({ tls }) => (tls?.callers.mode ?? "none") !== "none");
  const settings: IdleSetting[] = [];
  if (constitution?.edge && !isAsked)
    settings.push({
      at: ["constitution", "edge"],
      message: "no listener asks for certificates, so no peer is ever known as an edge",
      hint: "set tls.callers.mode to request or require on the listener that the edge calls",
    });
  for (const [name, { header, headerFrom = "edge" }] of Object.entries(identity.issuers)) {
    if (header === undefined || headerFrom !== "edge" || constitution?.edge) continue;
    settings.push({
      at: ["identity", "issuers", name, "header"],
      message: "the field counts from listed edges only, and none is listed",
      hint: 'list the edge in constitution.edge.peers, or write "headerFrom: anyone"',
    });
  }
  return settings;
}

function findIdleCanaryRoutes(
  { constitution }: RootConfig,
  routes: readonly CompiledRoute[],
): IdleSetting[] {
  const ids = new Set(routes.map(({ route }) => route.id));
  return (constitution?.canary?.routes ?? []).flatMap((id, index) => {
    if (ids.has(id)) return [];
    return [
      {
        at: ["constitution", "canary", "routes", index],
        message: `there is no route "${id}"`,
        hint: "`portcullis config routes` lists the ids",
      },
    ];
  });
}

/** Without rules a route's own settings for them guard nothing. */
function findIdleFirewall({ waf }: RootConfig, routes: readonly CompiledRoute[]): IdleSetting[] {
  if (waf !== undefined) return [];
  const places = new Map(
    routes.flatMap(({ at, settings }) => (settings.waf ? [[at.join("."), at] as const] : [])),
  );
  return [...places.values()].map((at) => ({
    at: [...at, "waf"],
    message: "there is no firewall, so nothing is inspected here",
    hint: 'add a `waf` section at the top; "waf: {}" inspects with the built-in rules',
  }));
}
