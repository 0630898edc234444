/**
 * What the firewall adds to the metrics. Rules are counted by family, so that neither a rule set of thousands nor a caller
 * can make series without end. They are there from the first inspected request on.
 */
import type { Inspected } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import type { Family, HistogramSeries, Registry, ValueSeries } from "./metric-registry.ts";

const INSPECTION_BUCKETS_SECONDS = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025,
  0.05,
];
const MICROS_PER_SECOND = 1_000_000;

export class WafMetrics {
  readonly #inspections: Family<ValueSeries>;
  readonly #matched: Family<ValueSeries>;
  readonly #seconds: HistogramSeries;

  constructor(registry: Registry) {
    this.#inspections = registry.counter({
      name: "portcullis_waf_inspections_total",
      help: "Requests by what the firewall made of them; detected ones were let pass, unread ones are outside of the sample.",
      labels: ["route", "result"],
    });
    this.#matched = registry.counter({
      name: "portcullis_waf_rules_matched_total",
      help: "Rules that matched, by family: their ids without the last three digits, or whose they are.",
      labels: ["family"],
    });
    this.#seconds = registry
      .histogram(
        {
          name: "portcullis_waf_inspection_seconds",
          help: "CPU time of the rules for one request.",
        },
        INSPECTION_BUCKETS_SECONDS,
      )
      .series();
  }

  record({ context, stage, shadows }: Outcome, inspected: Inspected): void {
    const isShadowed = shadows.some((shadow) => shadow.stage === "waf");
    const result = resultOf(inspected, { isRefused: stage === "waf", isShadowed });
    this.#inspections.series(context.route.id, result).add();
    for (const { id } of inspected.matched) this.#matched.series(ruleFamily(id)).add();
    if (inspected.request !== "nothing")
      this.#seconds.observe(inspected.micros / MICROS_PER_SECOND);
  }
}

type Result = "passed" | "refused" | "detected" | "over_budget" | "unread";

function resultOf(
  { request, refusedBy, isOverBudget }: Inspected,
  { isRefused, isShadowed }: { readonly isRefused: boolean; readonly isShadowed: boolean },
): Result {
  if (isRefused) return "refused";
  if (refusedBy !== undefined || isShadowed) return "detected";
  if (isOverBudget) return "over_budget";
  return request === "nothing" ? "unread" : "passed";
}

/** Ids of the Core Rule Set, and of the built-in rules. */
const FAMILY_IDS: readonly (readonly [first: number, last: number])[] = [
  [900_000, 999_999],
  [9_500_000, 9_599_999],
];
const IDS_PER_FAMILY = 1_000;
/** Below are ids for local use: lists of known-bad callers. */
const LOCAL_IDS_END = 100_000;

function ruleFamily(id: number): string {
  if (FAMILY_IDS.some(([first, last]) => id >= first && id <= last))
    return String(Math.floor(id / IDS_PER_FAMILY));
  return id < LOCAL_IDS_END ? "local" : "other";
}
