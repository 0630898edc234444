/**
 * May they: denies by default, allows what one grant wholly fulfils, and names the grant either way. It never tells a
 * caller which grant would have helped.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import { rejection } from "../../pipeline/rejection.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { Decision, PreparedStage, StageHandlers } from "../../pipeline/stage.ts";
import type { AuthorizationConfig, RouteAuthorization } from "./config.ts";
import { GrantIndex, type Nearest } from "./grant-index.ts";
import { compileGrants, concerns, type CompiledGrant } from "./grant.ts";

/** The grant recorded on a route with `identity: none`; no configured grant can have this name. */
export const OPEN_ROUTE_GRANT = "route:open";

const REQUIRED: RouteAuthorization = { identity: "required", scopes: [] };
/** Longest explanation in a log line: conditions and identities come from elsewhere and have no bound of their own. */
const CAUSE_LIMIT = 500;

const OPEN: Decision<"authorization"> = {
  verdict: "continue",
  learned: { grant: OPEN_ROUTE_GRANT },
};

// RFC 9110 section 15.5.2: a 401 MUST carry a challenge.
const NO_IDENTITY: Decision<"authorization"> = {
  verdict: "reject",
  rejection: rejection("authorization.no_identity", { headers: ["www-authenticate", "Bearer"] }),
};

export function authorization(config: AuthorizationConfig): PreparedStage<"authorization"> {
  const grants = compileGrants(config);
  const everywhere = new GrantIndex(grants);
  return {
    name: "authorization",
    bind(route) {
      // Paths that match nothing lead nowhere: 404 is the router's to say.
      if (route.upstream === undefined) return null;
      const settings = config.routes.get(route.id) ?? REQUIRED;
      if (settings.identity === "none") return openHandlers(route, settings);
      return handlersFor({ route, scopes: settings.scopes, grants, everywhere });
    },
  };
}

function openHandlers(route: Route, settings: RouteAuthorization): StageHandlers<"authorization"> {
  // Whoever wrote scopes meant them; on an open route nobody would ever be asked for them.
  if (settings.scopes.length > 0)
    throw new Error(`route ${route.id} asks for scopes but declares "identity: none"`);
  return { onHead: () => OPEN };
}

interface Binding {
  readonly route: Route;
  readonly scopes: readonly string[];
  readonly grants: readonly CompiledGrant[];
  /** All grants, whatever their route: explains a refusal when the right caller came to the wrong route. */
  readonly everywhere: GrantIndex;
}

function handlersFor({
  route,
  scopes,
  grants,
  everywhere,
}: Binding): StageHandlers<"authorization"> {
  const index = new GrantIndex(grants.filter((grant) => concerns(grant, route)));
  const challenge = `Bearer error="insufficient_scope", scope="${scopes.join(" ")}"`;

  return {
    onHead(context) {
      const { identity } = context.facts;
      if (identity === undefined || identity.method === "anonymous") return NO_IDENTITY;
      for (const scope of scopes)
        if (!identity.scopes.has(scope))
          return scopeMissing(identity, challenge, `the route needs scope ${scope}`);
      const { method } = context.request;
      const grant = index.find(identity, method);
      if (grant) return grant.allow;
      return refused(identity, everywhere.nearest(identity, { route, method }));
    },
  };
}

function refused(
  identity: AuthenticatedIdentity,
  nearest: Nearest | undefined,
): Decision<"authorization"> {
  if (!nearest) return reject("authorization.no_grant", "there is no grant at all");
  const { grant, failures } = nearest;
  const reasons = failures.map(({ text }) => text).join("; ");
  const cause = `nearest grant "${grant.name}": ${reasons}`.slice(0, CAUSE_LIMIT);
  // A better token is all that is missing, and the caller may know it; which scope, only the operator's log says.
  if (failures.every(({ condition }) => condition === "scope"))
    return scopeMissing(identity, 'Bearer error="insufficient_scope"', cause);
  return reject("authorization.no_grant", cause);
}

function scopeMissing(
  identity: AuthenticatedIdentity,
  challenge: string,
  cause: string,
): Decision<"authorization"> {
  // RFC 6750 section 3.1 speaks of bearer tokens; API keys and certificates have no scheme to be challenged with.
  const headers = identity.method === "jwt" ? ["www-authenticate", challenge] : [];
  return {
    verdict: "reject",
    rejection: rejection("authorization.scope_missing", { cause, headers }),
  };
}

function reject(code: "authorization.no_grant", cause: string): Decision<"authorization"> {
  return { verdict: "reject", rejection: rejection(code, { cause }) };
}

/** Grants that no route can ever use, by name: most likely a misspelt model, version or route. For checks at load. */
export function idleGrants(config: AuthorizationConfig, routes: readonly Route[]): string[] {
  return compileGrants(config)
    .filter((grant) => !routes.some((route) => concerns(grant, route)))
    .map((grant) => grant.name);
}
