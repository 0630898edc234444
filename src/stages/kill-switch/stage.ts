/**
 * What is killed must cost nothing more: refuses revoked model versions before anything else is done for the request,
 * and says on every answer of an ageing version how long it will last. It decides from configuration alone.
 */
import { rejection } from "../../pipeline/rejection.ts";
import type { Route } from "../../pipeline/request-context.ts";
import { appendHeader, setHeader, type Edit } from "../../pipeline/response.ts";
import type { Clock, Decision, PreparedStage, StageHandlers } from "../../pipeline/stage.ts";
import type { KillSwitchConfig, VersionPolicy } from "./config.ts";

export interface KillSwitchTools {
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;

const ACTIVE: Decision<"kill-switch"> = { verdict: "continue", learned: { status: "active" } };
const DEPRECATED: Decision<"kill-switch"> = {
  verdict: "continue",
  learned: { status: "deprecated" },
};

export function killSwitch(
  config: KillSwitchConfig,
  { clock }: KillSwitchTools,
): PreparedStage<"kill-switch"> {
  const nowMs = clock.nowMs();
  // The day, not the moment: replicas that start minutes apart then say the same.
  const loadedOnMs = nowMs - (nowMs % DAY_MS);
  return {
    name: "kill-switch",
    bind(route) {
      const policy = config.routes.get(route.id);
      return policy ? handlersFor(policy, route, loadedOnMs) : null;
    },
  };
}

function handlersFor(
  policy: VersionPolicy,
  route: Route,
  loadedOnMs: number,
): StageHandlers<"kill-switch"> {
  if (policy.status === "active") return { onHead: () => ACTIVE };
  const edits = editsOf(policy, loadedOnMs);
  const decision = policy.status === "deprecated" ? DEPRECATED : revoked(route);
  return { onHead: () => decision, decorate: () => edits };
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
