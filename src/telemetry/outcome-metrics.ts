/**
 * What each outcome adds to the metrics. The series of a route are looked up once and kept with it; on the hot path
 * there must be only additions.
 */
import type { Outcome } from "../pipeline/outcome.ts";
import type { Route } from "../pipeline/request-context.ts";
import type { Family, HistogramSeries, Registry, ValueSeries } from "./metric-registry.ts";

/** Upper bounds for the gateway's own time, in seconds: it is counted in microseconds, not in model time. */
const OWN_BUCKETS_SECONDS = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
];

const ROUTE_LABELS = ["route", "model", "version"];

/** The series of one route, kept as long as the route's configuration lives. */
interface RouteSeries {
  readonly total: HistogramSeries;
  readonly own: HistogramSeries;
  readonly upstream: HistogramSeries;
  /** By code, then by stage, then by status class; filled as they are first seen. */
  readonly requests: Map<string, Map<string, ValueSeries[]>>;
}

export class OutcomeMetrics {
  readonly #requests: Family<ValueSeries>;
  readonly #total: Family<HistogramSeries>;
  readonly #own: Family<HistogramSeries>;
  readonly #upstream: Family<HistogramSeries>;
  readonly #shadows: Family<ValueSeries>;
  readonly #broken: Family<ValueSeries>;
  readonly #routes = new WeakMap<Route, RouteSeries>();

  constructor(registry: Registry, buckets: readonly number[]) {
    this.#requests = registry.counter({
      name: "portcullis_requests_total",
      help: "Requests by route, status class, and the stage and code that decided.",
      labels: [...ROUTE_LABELS, "status_class", "stage", "code"],
    });
    const histogram = (name: string, help: string, bounds: readonly number[]) =>
      registry.histogram({ name, help, labels: ROUTE_LABELS }, bounds);
    this.#total = histogram(
      "portcullis_request_duration_seconds",
      "From the request's head to the end of its answer.",
      buckets,
    );
    this.#own = histogram(
      "portcullis_own_duration_seconds",
      "Request time less upstream time: the gateway's own, with waiting for the caller's bytes.",
      OWN_BUCKETS_SECONDS,
    );
    this.#upstream = histogram(
      "portcullis_upstream_duration_seconds",
      "From sending upstream to the end of the upstream's answer; of requests that were sent.",
      buckets,
    );
    this.#shadows = registry.counter({
      name: "portcullis_shadow_verdicts_total",
      help: "What stages in shadow would have refused or answered.",
      labels: ["stage", "code"],
    });
    this.#broken = registry.counter({
      name: "portcullis_stage_broken_total",
      help: "Stages that failed while the configuration let the request pass.",
      labels: ["stage"],
    });
  }

  record(outcome: Outcome): void {
    const { route } = outcome.context;
    const series = this.#routes.get(route) ?? this.#resolve(route);
    this.#counter(series, outcome).add(1);
    const { latencyMs, upstreamMs } = outcome;
    series.total.observe(latencyMs / 1_000);
    // Two clocks readings apart, upstream time can exceed the whole by a hair.
    series.own.observe(Math.max(0, latencyMs - (upstreamMs ?? 0)) / 1_000);
    if (upstreamMs !== undefined) series.upstream.observe(upstreamMs / 1_000);
    for (const { stage, code } of outcome.shadows) this.#shadows.series(stage, code).add(1);
    for (const { stage } of outcome.broken) this.#broken.series(stage).add(1);
  }

  #resolve(route: Route): RouteSeries {
    const labels = labelsOf(route);
    const series = {
      total: this.#total.series(...labels),
      own: this.#own.series(...labels),
      upstream: this.#upstream.series(...labels),
      requests: new Map(),
    };
    this.#routes.set(route, series);
    return series;
  }

  #counter({ requests }: RouteSeries, outcome: Outcome): ValueSeries {
    const statusClass = classOf(outcome.status);
    const known = requests.get(outcome.code)?.get(outcome.stage)?.[statusClass];
    if (known) return known;
    const counter = this.#requests.series(
      ...labelsOf(outcome.context.route),
      `${statusClass}xx`,
      outcome.stage,
      outcome.code,
    );
    const byStage = requests.get(outcome.code) ?? new Map<string, ValueSeries[]>();
    requests.set(outcome.code, byStage);
    const byClass = byStage.get(outcome.stage) ?? [];
    byStage.set(outcome.stage, byClass);
    byClass[statusClass] = counter;
    return counter;
  }
}

const labelsOf = ({ id, model = "", version = "" }: Route): [string, string, string] => [
  id,
  model,
  version,
];

/** An upstream may say any three digits; what is no HTTP status counts as a server's fault. */
function classOf(status: number): number {
  const first = Math.floor(status / 100);
  return first >= 1 && first <= 5 ? first : 5;
}
