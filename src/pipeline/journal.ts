/**
 * The record that has to exist before a decision takes effect, as the runner sees it. The runner is its only writer; what
 * the record looks like, and how durable it is, is the implementation's.
 */
import type { Outcome } from "./outcome.ts";
import type { Rejection } from "./rejection.ts";
import type { RequestContext } from "./request-context.ts";

/** What a request came to, known before a byte of the answer is sent. */
export interface Resolution extends Pick<
  Outcome,
  | "context"
  | "decision"
  | "status"
  | "stage"
  | "code"
  | "latencyMs"
  | "upstreamMs"
  | "shadows"
  | "broken"
> {
  /** The answer's body where it is held whole; undefined when it is streamed. */
  readonly body: Buffer | undefined;
}

export interface Journal {
  /** Why nothing can be recorded now, so that nothing may be decided; undefined while it can. */
  refusal(): Rejection | undefined;
  /** Whether a call has to be on record before it goes upstream: then `beforeForward` is waited for. */
  readonly isStrict: boolean;
  /** Settles when it is on record that the call is about to be made; rejects with a `Fault` when it cannot be. */
  beforeForward(context: RequestContext): Promise<void>;
  /**
   * Settles when the resolution is on record; undefined when nothing needs to be waited for. Rejects with a `Fault` when
   * it cannot be: then the answer must not be given.
   */
  beforeAnswer(resolution: Resolution): Promise<void> | undefined;
  /**
   * The request ended otherwise than its resolution said: the caller left, or a stream broke; or what it cost was not known
   * then. Must not throw.
   */
  afterEnd(outcome: Outcome): void;
}
