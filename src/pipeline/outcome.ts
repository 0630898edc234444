/** The one record of how a request ended. The runner makes it; recorders (log, metrics, trace, ledger) write it down. */
import type { Decider, StageName } from "./facts.ts";
import type { RejectionCode } from "./rejection.ts";
import type { RequestContext } from "./request-context.ts";

/** What a shadowed stage would have done. */
export interface ShadowVerdict {
  readonly stage: StageName;
  readonly code: RejectionCode | "answered";
}

/** A stage that failed while the operator's `whenBroken: continue` let the request pass. */
export interface BrokenStage {
  readonly stage: StageName;
  readonly cause: string;
}

export interface Outcome {
  readonly context: RequestContext;
  /** `allow`: forwarded and answered. `deny`: an expected no. `error`: a fault, a bad upstream or a bug. */
  readonly decision: "allow" | "deny" | "error";
  /** Status sent; 499 when the caller left first. */
  readonly status: number;
  readonly stage: Decider;
  readonly code: RejectionCode | "ok" | "answered";
  /** Private cause, for operators only. */
  readonly cause: string | undefined;
  readonly latencyMs: number;
  /** Time between sending upstream and the end of its answer; undefined when nothing was sent. */
  readonly upstreamMs: number | undefined;
  /** Request body bytes read from, and answer body bytes sent to, the caller. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly shadows: readonly ShadowVerdict[];
  readonly broken: readonly BrokenStage[];
}

export interface Recorder {
  record(outcome: Outcome): void;
}
