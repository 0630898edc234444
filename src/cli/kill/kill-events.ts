/** What happens to kill switches, told to whoever is on call: a line of the log each, and metrics. */
import { scopeText } from "../../stores/kill/kill-draft.ts";
import type { KillChange, KillSwitchStore } from "../../stores/kill/kill-switch-store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

export interface KillHearers {
  readonly log: Pick<Log, "warn">;
  readonly metrics: Pick<Metrics, "registry">;
}

/** Seconds, around the two promises: 0.05 on one machine and 1 on all replicas. Above it messages or Redis were away. */
const PROPAGATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];

const TEXTS: Readonly<Record<KillChange["kind"], string>> = {
  on: "a kill switch is on",
  off: "a kill switch was taken off",
  expired: "a kill switch has expired",
};

/** Follows the store from now on; returns what ends it. Switches that are on already are told of once more. */
export function tellKillChanges(store: KillSwitchStore, { log, metrics }: KillHearers): () => void {
  const { registry } = metrics;
  const changes = registry.counter({
    name: "portcullis_kill_changes_total",
    help: "Kill switches that came into effect here, were taken off or expired.",
    labels: ["change"],
  });
  const propagation = registry
    .histogram(
      {
        name: "portcullis_kill_propagation_seconds",
        help: "From a change of a kill switch to its effect here, where clocks can tell.",
      },
      PROPAGATION_BUCKETS,
    )
    .series();
  const stopGauge = registry.watch("gauge", {
    name: "portcullis_kill_switches",
    help: "Kill switches in effect.",
  })(() => store.active.length);
  for (const kind of Object.keys(TEXTS)) changes.series(kind);
  if (store.active.length > 0)
    log.warn("kill switches are on", {
      switches: store.active.map(({ id, scope }) => `${id}: ${scopeText(scope)}`),
    });
  const stopChanges = store.onChange(({ kind, killSwitch, by, propagationMs }) => {
    changes.series(kind).add();
    if (propagationMs !== undefined) propagation.observe(propagationMs / 1_000);
    const { id, scope, reason, expiresAtMs, routeTo } = killSwitch;
    log.warn(TEXTS[kind], {
      id,
      scope: scopeText(scope),
      reason,
      by,
      expires: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
      route_to: routeTo,
      propagation_ms: propagationMs === undefined ? undefined : Math.round(propagationMs),
    });
  });
  return () => {
    stopChanges();
    stopGauge();
  };
}
