/**
 * The second half of the kill switch, as soon as it is known who calls: callers, tenants and keys that are shut, here or
 * everywhere. Nothing that costs more than the proof of identity may come before it.
 */
import { rejection } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { CONTINUE, type Decision, type PreparedStage } from "../../pipeline/stage.ts";
import type { KillSwitchConfig } from "./config.ts";
import { killedCause, RouteSwitches, type SwitchTools } from "./switches.ts";

export function killedCallers(
  config: KillSwitchConfig,
  tools: SwitchTools,
): PreparedStage<"kill-switch"> {
  const guards = new Map<Route, RouteSwitches>(
    config.served.map((route) => [
      route,
      new RouteSwitches({ route, isGoverned: config.governed.has(route.id) }, tools),
    ]),
  );
  return {
    name: "kill-switch",
    bind(route) {
      const own = guards.get(route);
      return own ? { onHead: (context) => decide(context, own, guards) } : null;
    },
  };
}

function decide(
  { facts }: RequestContext,
  own: RouteSwitches,
  guards: ReadonlyMap<Route, RouteSwitches>,
): Decision<"kill-switch"> {
  const { identity } = facts;
  if (identity === undefined || identity.method === "anonymous") return CONTINUE;
  // A caller who is shut out of the version that serves instead is shut out of it on this way too.
  const standIn = facts["kill-switch"]?.routedTo?.route;
  const by =
    own.shutForCaller(identity) ?? (standIn && guards.get(standIn)?.shutForCaller(identity));
  if (by === undefined) return CONTINUE;
  return {
    verdict: "reject",
    rejection: rejection("kill-switch.caller_killed", { cause: killedCause(by) }),
  };
}
