/** Metrics that only the primary knows: how many workers serve, and how often one had to be started again. */
import { Registry } from "../../telemetry/metric-registry.ts";
import { watchProcess } from "../../telemetry/process-metrics.ts";

export interface CrewMetrics {
  readonly restarted: (worker: number) => void;
  /** A file that no worker was shown. */
  readonly reloadRefused: () => void;
  expose(): string;
  close(): void;
}

export function createCrewMetrics(workers: {
  readonly configured: number;
  readonly ready: () => number;
}): CrewMetrics {
  const registry = new Registry();
  registry.watch("gauge", {
    name: "portcullis_workers",
    help: "Worker processes, by whether they serve.",
    labels: ["state"],
  })(() => {
    const ready = workers.ready();
    return [
      [["ready"], ready],
      [["starting"], workers.configured - ready],
    ];
  });
  const restarts = registry.counter({
    name: "portcullis_worker_restarts_total",
    help: "Workers that ended without being asked to, and were started again.",
    labels: ["worker"],
  });
  for (let number = 1; number <= workers.configured; number++) restarts.series(String(number));
  // The same metric as a worker's: they are added up.
  const reloads = registry.counter({
    name: "portcullis_config_reloads_total",
    help: "Times the configuration was read again.",
    labels: ["result"],
  });
  const stopProcess = watchProcess(registry);
  return {
    restarted: (worker) => restarts.series(String(worker)).add(),
    reloadRefused: () => reloads.series("failure").add(),
    expose: () => registry.expose(),
    close: stopProcess,
  };
}
