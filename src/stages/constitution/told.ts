/** What a pack is told of a request that stands in no fact of the pipeline: edge, partner, break-glass. */
import type { EdgeFacts } from "./edge-facts.ts";

export interface Told {
  /** Undefined when the request did not come through a listed edge. */
  readonly edge: EdgeFacts | undefined;
  /** What became of the partner's signature; undefined on routes without a partner. */
  readonly webhook: "verified" | "refused" | "unsigned" | undefined;
  /** Whether this gateway's own break-glass is on. */
  readonly isPanic: boolean;
}
