/**
 * What is killed must cost nothing more: refuses what a kill switch has shut and revoked model versions before anything
 * else is done for the request, or sends it to the version that serves instead; and says on every answer of an ageing
 * version how long it will last.
 */
import type { VersionStanding } from "../../pipeline/facts.ts";
import { rejection } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { appendHeader, setHeader, type Edit } from "../../pipeline/response.ts";
import type { Decision, PreparedStage, StageHandlers } from "../../pipeline/stage.ts";
import type { KillSwitch } from "../../stores/kill/kill-switch-store.ts";
import type { KillSwitchConfig, VersionPolicy } from "./config.ts";
import { standInFor, targetOn, type StandIn } from "./served-route.ts";
import { killed, killedCause, RouteSwitches, type SwitchTools } from "./switches.ts";

export type KillSwitchTools = SwitchTools;

const DAY_MS = 86_400_000;

const ACTIVE: Decision<"kill-switch"> = { verdict: "continue", learned: { status: "active" } };
const DEPRECATED: Decision<"kill-switch"> = {
  verdict: "continue",
  learned: { status: "deprecated" },
};

export function killSwitch(
  config: KillSwitchConfig,
  tools: KillSwitchTools,
): PreparedStage<"kill-switch"> {
  const nowMs = tools.clock.nowMs();
  // The day, not the moment: replicas that start minutes apart then say the same.
  const loadedOnMs = nowMs - (nowMs % DAY_MS);
  const guards = new Guards(config, tools);
  return {
    name: "kill-switch",
    bind(route) {
      const policy = config.routes.get(route.id);
      return policy ? handlersFor(policy, { route, loadedOnMs, guards }) : null;
    },
  };
}

interface Binding {
  readonly route: Route;
  readonly loadedOnMs: number;
  readonly guards: Guards;
}

function handlersFor(
  policy: VersionPolicy,
  { route, loadedOnMs, guards }: Binding,
): StageHandlers<"kill-switch"> {
  if (policy.status === "revoked") {
    const edits = editsOf(policy, loadedOnMs);
    const decision = revoked(route);
    return { onHead: () => decision, decorate: () => edits };
  }
  const standing = policy.status === "active" ? ACTIVE : DEPRECATED;
  const own = guards.of(route);
  const onHead = (context: RequestContext): Decision<"kill-switch"> => {
    const by = own?.shutFor();
    return by === undefined ? standing : guards.shut(by, context, policy.status as Standing);
  };
  if (policy.status === "active") return { onHead };
  const edits = editsOf(policy, loadedOnMs);
  return { onHead, decorate: () => edits };
}

type Standing = VersionStanding["status"];

/** The switches of every route: one that is shut may be served by another, unless that one is shut as well. */
class Guards {
  readonly #config: KillSwitchConfig;
  readonly #tools: SwitchTools;
  readonly #byRoute: ReadonlyMap<Route, RouteSwitches>;
  /** Found once for each switch and route. */
  readonly #standIns = new WeakMap<KillSwitch, Map<Route, StandIn | undefined>>();

  constructor(config: KillSwitchConfig, tools: SwitchTools) {
    this.#config = config;
    this.#tools = tools;
    const { served, governed } = config;
    this.#byRoute = new Map(
      served.map((route) => [
        route,
        new RouteSwitches({ route, isGoverned: governed.has(route.id) }, tools),
      ]),
    );
  }

  of(route: Route): RouteSwitches | undefined {
    return this.#byRoute.get(route);
  }

  /** Refused, or served by another version. That version's own switches are not followed: one step, so no circle. */
  shut(by: KillSwitch, context: RequestContext, status: Standing): Decision<"kill-switch"> {
    const { clock } = this.#tools;
    if (by.routeTo === undefined) return { verdict: "reject", rejection: killed(by, clock) };
    const standIn = this.#standIn(by, context.route);
    const trouble = standIn
      ? this.#troubleWith(standIn)
      : `version ${by.routeTo} has no route that stands for this one`;
    if (standIn === undefined || trouble !== undefined)
      return {
        verdict: "reject",
        rejection: killed(by, clock, `${killedCause(by)}; ${trouble ?? ""}`),
      };
    const { path, query } = context.request.url;
    const { route, version } = standIn;
    const routedTo = { version, route, target: targetOn(standIn, path, query) };
    return { verdict: "continue", learned: { status, routedTo } };
  }

  #standIn(by: KillSwitch, route: Route): StandIn | undefined {
    const known = this.#standIns.get(by) ?? new Map<Route, StandIn | undefined>();
    this.#standIns.set(by, known);
    if (!known.has(route))
      known.set(route, standInFor(route, by.routeTo ?? "", this.#config.served));
    return known.get(route);
  }

  /** Why the other version may not serve either. */
  #troubleWith({ route, version }: StandIn): string | undefined {
    if (this.#config.routes.get(route.id)?.status === "revoked")
      return `version ${version} is revoked by configuration`;
    const shut = this.of(route)?.shutFor();
    return shut && `version ${version} is shut as well, by ${shut.id}`;
  }
}

function revoked({ model, version, id }: Route): Decision<"kill-switch"> {
  const cause = `${model ?? id} ${version ?? ""} is revoked by configuration`;
  return { verdict: "reject", rejection: rejection("kill-switch.version_revoked", { cause }) };
}

function editsOf(policy: VersionPolicy, loadedOnMs: number): readonly Edit[] {
  const { deprecatedSinceMs = loadedOnMs, sunsetMs, successorPath } = policy;
  // RFC 9745 section 2.1: a structured-field Date (RFC 9651 section 3.3.7), "@" and whole seconds.
  const edits = [setHeader("deprecation", `@${Math.floor(deprecatedSinceMs / 1000)}`)];
  // RFC 8594 section 3: an HTTP-date (RFC 9110 section 5.6.7), which is the format of toUTCString.
  if (sunsetMs !== undefined) edits.push(setHeader("sunset", new Date(sunsetMs).toUTCString()));
  // RFC 5829 section 3.1 names the relation. Appended: the upstream may have links of its own.
  if (successorPath !== undefined)
    edits.push(appendHeader("link", `<${encodeURI(successorPath)}>; rel="successor-version"`));
  return edits;
}
