/** Finds settings that could never do anything: a grant for a route that does not exist, a limit for an unknown tier. */
import type { ConfigPath } from "../config/diagnostic.ts";
import { idleGrants } from "../stages/authorization/stage.ts";
import { unknownTiers } from "../stages/limits/config.ts";
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
  return [...findIdleGrants(root, routes), ...findUnknownTiers(root, routes)];
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

function findUnknownTiers({ limits }: RootConfig, routes: readonly CompiledRoute[]): IdleSetting[] {
  const settings = new Map(routes.map(({ at, settings: own }) => [at.join("."), { at, own }]));
  return [...settings.values()].flatMap(({ at, own }) =>
    (own.limits ? unknownTiers(limits, own.limits) : []).map((tier) => ({
      at: [...at, "limits", "tiers", tier],
      message: `there is no tier "${tier}"`,
      hint: `tiers: ${["default", ...Object.keys(limits.tiers)].join(", ")}`,
    })),
  );
}
