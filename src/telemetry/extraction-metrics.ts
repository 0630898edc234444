/** The scores of extraction by model, from the first scored request on. Callers are no labels: they would be series. */
import type { Suspicion } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import type { Family, HistogramSeries, Registry } from "./metric-registry.ts";

const SCORE_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

export class ExtractionMetrics {
  readonly #scores: Family<HistogramSeries>;

  constructor(registry: Registry) {
    this.#scores = registry.histogram(
      {
        name: "portcullis_extraction_score",
        help: "Scores of requests, from 0 to 1: how much their caller's inputs look like copying the model.",
        labels: ["model"],
      },
      SCORE_BUCKETS,
    );
  }

  record({ context }: Outcome, { score }: Suspicion): void {
    this.#scores.series(context.route.model ?? "").observe(score);
  }
}
