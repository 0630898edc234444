/**
 * What decisions about limits add to the metrics. Limits are counted by their names, which come from the configuration;
 * no caller can make a series, and none can be read out of a scrape.
 */
import type { Limited, LimitState } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import type { Family, Registry, ValueSeries } from "./metric-registry.ts";

/**
 * The least that remained is shown for this long, and up to twice. Shorter than the time between two scrapes, a caller at
 * its limit would not be seen.
 */
const SHOWN_MS = 60_000;
const LABELS = ["limit", "kind", "unit"];

/** The least remaining share of one limit, over all callers, in this span of time and in the one before. */
class LeastShare {
  readonly labels: readonly string[];
  #span = Number.NEGATIVE_INFINITY;
  #now = Number.POSITIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;

  constructor(labels: readonly string[]) {
    this.labels = labels;
  }

  add(share: number, span: number): void {
    this.#turn(span);
    if (share < this.#now) this.#now = share;
  }

  /** Infinite when nobody was counted lately. */
  read(span: number): number {
    this.#turn(span);
    return Math.min(this.#now, this.#before);
  }

  #turn(span: number): void {
    if (span === this.#span) return;
    this.#before = span === this.#span + 1 ? this.#now : Number.POSITIVE_INFINITY;
    this.#now = Number.POSITIVE_INFINITY;
    this.#span = span;
  }
}

export class LimitMetrics {
  readonly #nowMs: () => number;
  readonly #admitted: Family<ValueSeries>;
  readonly #refused: Family<ValueSeries>;
  readonly #degraded: Family<ValueSeries>;
  readonly #cost: Family<ValueSeries>;
  readonly #shares = new Map<string, LeastShare>();

  constructor(registry: Registry, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#admitted = registry.counter({
      name: "portcullis_limits_admitted_total",
      help: "Requests that all of their limits let pass, by tier.",
      labels: ["tier"],
    });
    this.#refused = registry.counter({
      name: "portcullis_limits_refused_total",
      help: "Requests that a limit refused; in shadow they went on, left ones the constitution decided.",
      labels: [...LABELS, "effect"],
    });
    this.#degraded = registry.counter({
      name: "portcullis_limits_degraded_decisions_total",
      help: "Requests decided without the shared store: by this replica's share, or let pass uncounted.",
      labels: ["mode"],
    });
    this.#cost = registry.counter({
      name: "portcullis_limits_cost_units_total",
      help: "Units of cost, by route: reserved, settled, and the difference given back or charged on top.",
      labels: ["route", "step"],
    });
    registry.watch("gauge", {
      name: "portcullis_limits_remaining_ratio",
      help: "Least part of a limit that any caller had left, in the last minute or two.",
      labels: LABELS,
    })(() => this.#leastShares());
  }

  record({ context, stage, shadows }: Outcome, limited: Limited): void {
    const { refusedBy, tier, degraded, cost, states } = limited;
    if (refusedBy !== undefined) {
      const isShadowed = shadows.some((shadow) => shadow.stage === "limits");
      const effect = isShadowed ? "shadow" : stage === "limits" ? "refused" : "left";
      this.#refused.series(...labelsOf(refusedBy), effect).add();
    } else if (tier !== undefined) this.#admitted.series(tier).add();
    if (degraded !== undefined) this.#degraded.series(degraded).add();
    const span = this.#span();
    for (const state of states) this.#addShare(state, span);
    if (cost?.settled !== undefined) this.#addCost(context.route.id, cost.reserved, cost.settled);
  }

  #addCost(route: string, reserved: number, settled: number): void {
    this.#cost.series(route, "reserved").add(reserved);
    this.#cost.series(route, "settled").add(settled);
    if (settled < reserved) this.#cost.series(route, "refunded").add(reserved - settled);
    if (settled > reserved) this.#cost.series(route, "charged_on_top").add(settled - reserved);
  }

  #addShare(state: LimitState, span: number): void {
    const { name, remaining, limit } = state;
    let least = this.#shares.get(name);
    if (least === undefined) {
      least = new LeastShare(labelsOf(state));
      this.#shares.set(name, least);
    }
    least.add(Math.max(0, remaining / limit), span);
  }

  #leastShares(): [readonly string[], number][] {
    const span = this.#span();
    const shown: [readonly string[], number][] = [];
    for (const [name, least] of this.#shares) {
      const share = least.read(span);
      // A limit that a reload took away is not kept for ever.
      if (share === Number.POSITIVE_INFINITY) this.#shares.delete(name);
      else shown.push([least.labels, share]);
    }
    return shown;
  }

  #span(): number {
    return Math.floor(this.#nowMs() / SHOWN_MS);
  }
}

const labelsOf = ({
  name,
  kind = "",
  unit = "requests",
}: LimitState): [name: string, kind: string, unit: string] => [name, kind, unit];
