/** What is remembered of sources, as metrics: read at each scrape, so that it costs a request nothing. */
import type { Clock } from "../pipeline/stage.ts";
import type { SourceMemory } from "../stages/sources/source-memory.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export function watchSources(
  metrics: Pick<Metrics, "watch">,
  { blocks, refusalsByList }: SourceMemory,
  clock: Clock,
): void {
  metrics.watch("sourcesBlocked", () => blocks.blockedAt(clock.monotonicMs()));
  metrics.watch("sourceBlocks", () => blocks.started);
  metrics.watch("sourceListRefusals", () =>
    [...refusalsByList].map(([list, count]) => [[list], count] as const),
  );
}
