/**
 * What a constitution's decisions add to the metrics. Outputs, reasons and bits are names from signed packs; a user is
 * counted under one of 256 hashes, so that nobody can be read out of a scrape and nobody can make series.
 */
import { hash } from "node:crypto";
import type { Governed, Identity } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import type { Route } from "../pipeline/request-context.ts";
import type { Family, HistogramSeries, Registry, ValueSeries } from "./metric-registry.ts";

const EVALUATION_BUCKETS_SECONDS = [
  0.000_000_5, 0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_1, 0.001, 0.01,
];
const UPSTREAM_BUCKETS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
/** How long after a request under an edge's panic the gauge still shows it: longer than most scrape intervals. */
const EDGE_PANIC_SHOWN_MS = 60_000;

export interface PolicyMetricsOptions {
  /** Whether this gateway's own break-glass is on. */
  readonly isPanic: () => boolean;
  /** Wall clock in milliseconds since the epoch. */
  readonly nowMs: () => number;
}

export class PolicyMetrics {
  readonly #options: PolicyMetricsOptions;
  readonly #allowed: Family<ValueSeries>;
  readonly #denied: Family<ValueSeries>;
  readonly #shadows: Family<ValueSeries>;
  readonly #diverged: ValueSeries;
  readonly #evaluation: HistogramSeries;
  readonly #upstream: Family<HistogramSeries>;
  readonly #users = new WeakMap<Identity, string>();
  readonly #upstreams = new WeakMap<Route, HistogramSeries>();
  readonly #stopPanic: () => void;
  #edgePanicAtMs = -Infinity;

  constructor(registry: Registry, options: PolicyMetricsOptions) {
    this.#options = options;
    this.#allowed = registry.counter({
      name: "policy_allow_total",
      help: "Requests the constitution allowed, by route and hashed user (256 values).",
      labels: ["route", "user"],
    });
    this.#denied = registry.counter({
      name: "policy_deny_total",
      help: "Requests the constitution denied, by the output's reason and the bit that failed.",
      labels: ["reason", "bit"],
    });
    this.#shadows = registry.counter({
      name: "policy_shadow_total",
      help: "Requests about which the candidate disagreed, by the outputs of both packs.",
      labels: ["active", "next"],
    });
    this.#diverged = registry
      .counter({
        name: "policy_divergence_total",
        help: "Requests about which an edge in front had decided otherwise; they were denied.",
      })
      .series();
    this.#evaluation = registry
      .histogram(
        { name: "policy_eval_seconds", help: "Time one evaluation took." },
        EVALUATION_BUCKETS_SECONDS,
      )
      .series();
    this.#upstream = registry.histogram(
      {
        name: "upstream_latency_ms",
        help: "Milliseconds until the upstream's answer ended, of governed requests.",
        labels: ["route"],
      },
      UPSTREAM_BUCKETS_MS,
    );
    this.#stopPanic = registry.watch("gauge", {
      name: "panic_active",
      help: "1 while break-glass is on: this gateway's own, or an edge's in the last minute.",
      labels: ["source"],
    })(() => [
      [["local"], options.isPanic() ? 1 : 0],
      [["edge"], options.nowMs() - this.#edgePanicAtMs < EDGE_PANIC_SHOWN_MS ? 1 : 0],
    ]);
  }

  record({ context, stage, code, upstreamMs }: Outcome, governed: Governed): void {
    const { route, facts } = context;
    const { shadow, output, evaluationSeconds } = governed;
    if (stage === "constitution") this.#denied.series(...refusedBy(code, governed)).add();
    // In shadow it may have meant to deny what went on: that is no decision of its own.
    else if (governed.effect === "allow")
      this.#allowed.series(route.id, this.#user(facts.identity, governed)).add();
    if (shadow && shadow.output !== output) this.#shadows.series(output, shadow.output).add();
    if (governed.edge) this.#diverged.add();
    if (governed.isPanic && !this.#options.isPanic()) this.#edgePanicAtMs = this.#options.nowMs();
    this.#evaluation.observe(evaluationSeconds);
    if (upstreamMs !== undefined) this.#upstreamOf(route).observe(upstreamMs);
  }

  close(): void {
    this.#stopPanic();
  }

  #upstreamOf(route: Route): HistogramSeries {
    const known = this.#upstreams.get(route);
    if (known) return known;
    const series = this.#upstream.series(route.id);
    this.#upstreams.set(route, series);
    return series;
  }

  /** Who the gateway knows, else whom the edge names. */
  #user(identity: Identity | undefined, { seen }: Governed): string {
    if (identity === undefined || identity.method === "anonymous") {
      const named = seen["user.id"];
      return typeof named === "string" && named !== "" ? hashed(named) : "anonymous";
    }
    const known = this.#users.get(identity);
    if (known !== undefined) return known;
    const user = hashed(identity.key);
    this.#users.set(identity, user);
    return user;
  }
}

/** A pack's own reason and bit; where it had allowed, what refused all the same: the edge, its end, or the limits. */
function refusedBy(
  code: Outcome["code"],
  { effect, reason, bitFailed = "" }: Governed,
): [reason: string, bit: string] {
  if (effect === "deny") return [reason, bitFailed];
  return [code.startsWith("limits.") ? "rate_limit" : code.slice(code.indexOf(".") + 1), ""];
}

const hashed = (name: string): string => hash("sha256", name, "hex").slice(0, 2);
