/**
 * The gateway's metrics: what every outcome adds to, and what is read at each scrape. Label values come from the
 * configuration or from closed unions of the code; a caller must never be able to make a series.
 */
import type { MalformedReport } from "../pipeline/exchange.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import type { MetricsConfig } from "./config.ts";
import { LimitMetrics } from "./limit-metrics.ts";
import { ExtractionMetrics } from "./extraction-metrics.ts";
import { type MetricSpec, type Readings, Registry } from "./metric-registry.ts";
import { OutcomeMetrics } from "./outcome-metrics.ts";
import { PolicyMetrics, type PolicyMetricsOptions } from "./policy-metrics.ts";
import { watchProcess } from "./process-metrics.ts";
import { WafMetrics } from "./waf-metrics.ts";

/** Values that other rooms feed through `watch`, read at each scrape. */
const WATCHED = {
  connections: {
    kind: "gauge",
    name: "portcullis_connections",
    help: "Open connections of callers.",
    labels: ["listener"],
  },
  upstreamInFlight: {
    kind: "gauge",
    name: "portcullis_upstream_in_flight",
    help: "Requests an upstream is working on.",
    labels: ["upstream"],
  },
  upstreamQueued: {
    kind: "gauge",
    name: "portcullis_upstream_queued",
    help: "Requests that wait for a connection to an upstream.",
    labels: ["upstream"],
  },
  logLinesDropped: {
    kind: "counter",
    name: "portcullis_log_lines_dropped_total",
    help: "Log lines lost because the destination was too slow or gone.",
  },
  logWriteFailures: {
    kind: "counter",
    name: "portcullis_log_write_failures_total",
    help: "Failed writes to the log's destination.",
  },
  spansDropped: {
    kind: "counter",
    name: "portcullis_trace_spans_dropped_total",
    help: "Spans lost because the queue to the collector was full or the export failed.",
  },
  spansExported: {
    kind: "counter",
    name: "portcullis_trace_spans_exported_total",
    help: "Spans taken by the collector.",
  },
  sourcesBlocked: {
    kind: "gauge",
    name: "portcullis_sources_blocked",
    help: "Addresses, or their networks, that are blocked for a while now.",
  },
  sourceBlocks: {
    kind: "counter",
    name: "portcullis_source_blocks_total",
    help: "Temporary blocks of addresses that began.",
  },
  sourceListRefusals: {
    kind: "counter",
    name: "portcullis_source_list_refusals_total",
    help: "Requests that a reputation list refused or throttled.",
    labels: ["list"],
  },
  ledgerWriting: {
    kind: "gauge",
    name: "portcullis_ledger_writing",
    help: "1 while decisions can be recorded in the ledger, 0 while they cannot.",
  },
  ledgerLinesLost: {
    kind: "counter",
    name: "portcullis_ledger_lines_lost_total",
    help: "Ledger lines that could not be written; with onFailure deny each of them is a 503.",
  },
  ledgerOutwardPending: {
    kind: "gauge",
    name: "portcullis_ledger_outward_pending",
    help: "Segments or lines that have yet to leave this machine.",
    labels: ["to"],
  },
  ledgerOutwardOldest: {
    kind: "gauge",
    name: "portcullis_ledger_outward_oldest_pending_seconds",
    help: "How long the oldest of them has been waiting.",
    labels: ["to"],
  },
  ledgerOutwardFailed: {
    kind: "counter",
    name: "portcullis_ledger_outward_failed_total",
    help: "Attempts that failed; each is made again.",
    labels: ["to"],
  },
  ledgerOutwardLost: {
    kind: "counter",
    name: "portcullis_ledger_outward_lost_total",
    help: "Segments or lines that were damaged or removed before they left this machine.",
    labels: ["to"],
  },
  recorderFailures: {
    kind: "counter",
    name: "portcullis_recorder_failures_total",
    help: "Outcomes that a part of the record could not take.",
    labels: ["sink"],
  },
} as const satisfies Record<string, MetricSpec & { readonly kind: "counter" | "gauge" }>;

export type Watched = keyof typeof WATCHED;

export interface MetricsOptions {
  /** The gateway's version, for `portcullis_build_info`. */
  readonly version: string;
  /** Wall clock in milliseconds since the epoch. */
  readonly nowMs?: () => number;
}

/** The metrics of the process; one for its whole life, so that a reload loses no count. */
export interface Metrics {
  record(outcome: Outcome): void;
  malformed(report: MalformedReport): void;
  /** Requests between their head and their recorded outcome; every `start` needs exactly one `stop`. */
  readonly inFlight: { start(): void; stop(): void };
  configReloaded(result: "success" | "failure"): void;
  /** From now on the metrics of a constitution are there too; the first call counts. */
  governed(options: PolicyMetricsOptions): void;
  /** Feeds a watched metric; readings of several callers with the same labels add up. Returns how to stop. */
  watch(what: Watched, read: () => Readings): () => void;
  /** For metrics that belong to one room alone. */
  readonly registry: Registry;
  /** The text for a scrape, of type `METRICS_CONTENT_TYPE`. */
  expose(): string;
  close(): void;
}

export function createMetrics(config: MetricsConfig, options: MetricsOptions): Metrics {
  const registry = new Registry(config.seriesLimit);
  const outcomes = new OutcomeMetrics(registry, config.durationBuckets);
  const inFlight = registry
    .gauge({ name: "portcullis_requests_in_flight", help: "Requests being handled." })
    .series();
  const malformed = registry.counter({
    name: "portcullis_malformed_requests_total",
    help: "Connections whose bytes never became a request.",
    labels: ["listener", "code"],
  });
  const watchers = defineWatched(registry);
  const configReloaded = defineReloads(registry, options.nowMs ?? Date.now);
  defineBuildInfo(registry, options.version);
  defineOwnHealth(registry);
  const limited = new LimitMetrics(registry, options.nowMs ?? Date.now);
  const stopProcess = watchProcess(registry);
  let policy: PolicyMetrics | undefined;
  let firewall: WafMetrics | undefined;
  let suspicions: ExtractionMetrics | undefined;
  return {
    record: (outcome) => {
      outcomes.record(outcome);
      const { constitution, limits, waf, extraction } = outcome.context.facts;
      if (limits !== undefined) limited.record(outcome, limits);
      if (constitution !== undefined) policy?.record(outcome, constitution);
      if (waf !== undefined) (firewall ??= new WafMetrics(registry)).record(outcome, waf);
      if (extraction !== undefined)
        (suspicions ??= new ExtractionMetrics(registry)).record(outcome, extraction);
    },
    malformed: ({ listener, rejection }) => malformed.series(listener, rejection.code).add(),
    inFlight: { start: () => inFlight.add(1), stop: () => inFlight.add(-1) },
    configReloaded,
    governed: (panic) => {
      policy ??= new PolicyMetrics(registry, panic);
    },
    watch: (what, read) => watchers[what](read),
    registry,
    expose: () => registry.expose(),
    close: () => {
      stopProcess();
      policy?.close();
    },
  };
}

type Watch = (read: () => Readings) => () => void;

function defineWatched(registry: Registry): Record<Watched, Watch> {
  const watchers: Partial<Record<Watched, Watch>> = {};
  for (const [what, { kind, ...spec }] of Object.entries(WATCHED))
    watchers[what as Watched] = registry.watch(kind, spec);
  return watchers as Record<Watched, Watch>;
}

function defineReloads(
  registry: Registry,
  nowMs: () => number,
): (result: "success" | "failure") => void {
  const reloads = registry.counter({
    name: "portcullis_config_reloads_total",
    help: "Times the configuration was read again.",
    labels: ["result"],
  });
  const count = { success: reloads.series("success"), failure: reloads.series("failure") };
  const lastSuccess = registry
    .gauge({
      name: "portcullis_config_last_success_timestamp_seconds",
      help: "When the configuration in use was taken, seconds since the epoch.",
    })
    .series();
  lastSuccess.set(nowMs() / 1_000);
  return (result) => {
    count[result].add(1);
    if (result === "success") lastSuccess.set(nowMs() / 1_000);
  };
}

function defineBuildInfo(registry: Registry, version: string): void {
  registry
    .gauge({
      name: "portcullis_build_info",
      help: "Always 1; the labels say what is running.",
      labels: ["version", "node_version"],
    })
    .series(version, process.versions.node)
    .set(1);
}

function defineOwnHealth(registry: Registry): void {
  registry.watch("counter", {
    name: "portcullis_metric_series_overflows_total",
    help: "Times a metric had no room for a further series.",
  })(() => registry.overflows);
  registry.watch("counter", {
    name: "portcullis_metric_callback_failures_total",
    help: "Metrics left out of a scrape because reading them failed.",
  })(() => registry.callbackFailures);
}
