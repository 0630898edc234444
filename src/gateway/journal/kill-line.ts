/** What happened to a kill switch, as the members of a ledger line (docs/ledger-format.md, "kill"). */
import type { KillEvent } from "../../stores/kill/kill-event.ts";

export interface KillLine {
  readonly kind: "kill";
  readonly [member: string]: unknown;
}

export function killLine({ event, killSwitch, atMs, by, propagationMs }: KillEvent): KillLine {
  const { id, scope, reason, author, createdAtMs, expiresAtMs, routeTo } = killSwitch;
  return {
    kind: "kill",
    event,
    id,
    scope,
    reason,
    author,
    by,
    at: new Date(atMs).toISOString(),
    created: new Date(createdAtMs).toISOString(),
    expires: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
    route_to: routeTo,
    propagation_ms: propagationMs,
  };
}
