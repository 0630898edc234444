/**
 * One grant, compiled: whether it allows a call, and why not. It decides on what the credential proves and what the
 * route is; never on anything a caller may write into a request.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import type { AuthorizationSection, Grant } from "./config.ts";

/** A permission and the roles that bring it, so that no request has to unfold its roles. */
interface NeededPermission {
  readonly name: string;
  readonly roles: readonly string[];
}

export interface CompiledGrant {
  readonly name: string;
  /** Made once: allowing allocates nothing. */
  readonly allow: Decision<"authorization">;
  readonly callers: ReadonlySet<string> | undefined;
  readonly tenants: ReadonlySet<string> | undefined;
  readonly models: ReadonlySet<string> | undefined;
  readonly versions: ReadonlySet<string> | undefined;
  readonly routes: ReadonlySet<string> | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly scopes: readonly string[];
  readonly permissions: readonly NeededPermission[];
  readonly groups: readonly string[] | undefined;
  readonly roles: readonly string[] | undefined;
}

export function compileGrants({ grants, roles }: AuthorizationSection): readonly CompiledGrant[] {
  return grants.map((grant, index) => {
    const name = grant.name ?? `grants[${index}]`;
    return {
      name,
      allow: { verdict: "continue", learned: { grant: name } },
      callers: setOf(grant.caller),
      tenants: setOf(grant.tenant),
      models: setOf(grant.model),
      versions: setOf(grant.version),
      routes: setOf(grant.route),
      methods: setOf(grant.method),
      scopes: grant.scopes ?? [],
      permissions: (grant.permissions ?? []).map((permission) => ({
        name: permission,
        roles: rolesBringing(permission, roles),
      })),
      groups: grant.groups,
      roles: grant.roles,
    };
  });
}

const setOf = (values: Grant["caller"]): ReadonlySet<string> | undefined =>
  values && new Set(values);

const rolesBringing = (permission: string, roles: AuthorizationSection["roles"]): string[] =>
  Object.entries(roles)
    .filter(([, permissions]) => permissions.includes(permission))
    .map(([role]) => role);

/** Whether the grant can allow anything at all on this route, whoever calls. */
export function concerns(grant: CompiledGrant, route: Route): boolean {
  return (
    admits(grant.models, route.model) &&
    admits(grant.versions, route.version) &&
    admits(grant.routes, route.id) &&
    (grant.methods === undefined || route.methods.some((method) => grant.methods?.has(method)))
  );
}

/** Whether a grant that `concerns` the route allows the call. */
export function allows(
  grant: CompiledGrant,
  identity: AuthenticatedIdentity,
  method: string,
): boolean {
  return (
    admits(grant.callers, identity.caller) &&
    admits(grant.tenants, identity.tenant) &&
    admits(grant.methods, method) &&
    hasAll(identity.scopes, grant.scopes) &&
    hasAny(identity.groups, grant.groups) &&
    hasAny(identity.roles, grant.roles) &&
    hasPermissions(identity, grant.permissions)
  );
}

const admits = (wanted: ReadonlySet<string> | undefined, given: string | undefined): boolean =>
  wanted === undefined || (given !== undefined && wanted.has(given));

function hasAll(given: ReadonlySet<string>, needed: readonly string[]): boolean {
  for (const one of needed) if (!given.has(one)) return false;
  return true;
}

function hasAny(given: ReadonlySet<string>, wanted: readonly string[] | undefined): boolean {
  if (wanted === undefined) return true;
  for (const one of wanted) if (given.has(one)) return true;
  return false;
}

function hasPermissions(
  { permissions, roles }: AuthenticatedIdentity,
  needed: readonly NeededPermission[],
): boolean {
  for (const permission of needed)
    if (!permissions.has(permission.name) && !hasAny(roles, permission.roles)) return false;
  return true;
}

/** One condition of a grant that a call does not fulfil. */
export interface Failure {
  readonly condition: string;
  /** For the operator's log. */
  readonly text: string;
}

/** Every condition that fails, for explaining a refusal. Not for deciding: it is the slow way. */
export function failuresOf(
  grant: CompiledGrant,
  identity: AuthenticatedIdentity,
  call: { readonly route: Route; readonly method: string },
): readonly Failure[] {
  const { route, method } = call;
  const failures: Failure[] = [];
  const compare = (
    condition: string,
    wanted: ReadonlySet<string> | undefined,
    given: string | undefined,
  ): void => {
    if (admits(wanted, given)) return;
    const text = `${condition} is ${given ?? "not given"}, not ${[...(wanted ?? [])].join(" or ")}`;
    failures.push({ condition, text });
  };
  const need = (condition: string, missing: readonly string[], how: string): void => {
    if (missing.length > 0)
      failures.push({ condition, text: `${condition} ${missing.join(", ")} ${how}` });
  };

  compare("caller", grant.callers, identity.caller);
  compare("tenant", grant.tenants, identity.tenant);
  compare("model", grant.models, route.model);
  compare("version", grant.versions, route.version);
  compare("route", grant.routes, route.id);
  compare("method", grant.methods, method);
  need(
    "scope",
    grant.scopes.filter((scope) => !identity.scopes.has(scope)),
    "missing",
  );
  need(
    "permission",
    grant.permissions.filter((one) => !hasPermissions(identity, [one])).map((one) => one.name),
    "missing",
  );
  need("group", hasAny(identity.groups, grant.groups) ? [] : (grant.groups ?? []), "none held");
  need("role", hasAny(identity.roles, grant.roles) ? [] : (grant.roles ?? []), "none held");
  return failures;
}
