/**
 * The contract between the runner and a stage. A stage says what it decided; it does not act: recording, shadowing,
 * answering and explaining are the runner's. Silence is not a decision: every handler returns one.
 */
import type { Readable } from "node:stream";
import type { Facts, StageName } from "./facts.ts";
import type { Rejection, RejectionCode } from "./rejection.ts";
import type { RequestContext, Route } from "./request-context.ts";
import type { Edit, GatewayResponse } from "./response.ts";

export type Decision<Name extends StageName = StageName> =
  | { readonly verdict: "continue"; readonly learned?: NonNullable<Facts[Name]> }
  | { readonly verdict: "answer"; readonly response: GatewayResponse }
  | {
      readonly verdict: "reject";
      readonly rejection: Rejection;
      readonly learned?: NonNullable<Facts[Name]>;
    };

/** The decision to go on with nothing learned; shared, so that the common case allocates nothing. */
export const CONTINUE: { readonly verdict: "continue" } = Object.freeze({ verdict: "continue" });

export type ResponseDecision =
  | { readonly verdict: "continue" }
  | { readonly verdict: "replace"; readonly body: Buffer }
  | { readonly verdict: "reject"; readonly rejection: Rejection };

export type StreamDecision =
  | { readonly verdict: "continue" }
  | { readonly verdict: "watch"; readonly body: Readable }
  | { readonly verdict: "reject"; readonly rejection: Rejection };

/** How a request ended, told once to every stage that saw its head, whatever the way out. */
export interface Ending {
  /** The status sent, or 499 when the caller left first. */
  readonly status: number;
  /** Whether an upstream may have seen the request: not while it waited for a connection. */
  readonly wasForwarded: boolean;
  /** What decided it, as it is recorded: a refusal that its caller did not wait for keeps its code. */
  readonly code: RejectionCode | "ok" | "answered";
}

type Maybe<T> = T | Promise<T>;

/**
 * What a stage does on one route. A handler that need not wait returns its decision at once; the runner awaits only
 * promises. Order of a request: every stage's `onHead`; then the body is read; every `onBody`; the upstream; every
 * `onAnswer`; every `onResponse`; every `decorate`; every `seal`; when all is sent or lost, every `onEnd`.
 */
export interface StageHandlers<Name extends StageName = StageName> {
  /** Decides from the head alone, before a byte of the body is read. */
  onHead?(context: RequestContext): Maybe<Decision<Name>>;
  /** Decides with the whole body in `context.body`. Not called on routes whose body is streamed. */
  onBody?(context: RequestContext): Maybe<Decision<Name>>;
  /**
   * Told the head of the upstream's answer as it came, before anything judges or records it. Not called when there is
   * none. Must not throw.
   */
  onAnswer?(context: RequestContext, answer: Pick<GatewayResponse, "status" | "headers">): void;
  /** Judges a whole upstream answer; having it makes the runner buffer the answer up to `responseLimitBytes`. */
  onResponse?(
    context: RequestContext,
    response: GatewayResponse & { readonly body: Buffer },
  ): Maybe<ResponseDecision>;
  /**
   * Watches an event stream, which is passed on as it comes: with it, next to `onResponse`, the runner holds no event
   * stream for this stage. What it gives instead of the body must pass on each piece at once; it may end it with an
   * `AnswerBroken`. Not asked in shadow: what was let pass cannot be told before it has passed.
   */
  onStream?(
    context: RequestContext,
    response: GatewayResponse & { readonly body: Readable },
  ): StreamDecision;
  /** Header edits for whatever is answered, refusals included. Called in reverse stage order; must not throw. */
  decorate?(context: RequestContext, status: number): readonly Edit[];
  /**
   * Header edits that speak of the whole answer, its body included: a signature. Called after every `decorate`; having it
   * makes the runner buffer upstream answers as `onResponse` does. Must not throw, nor touch a header it does not own.
   */
  seal?(
    context: RequestContext,
    response: GatewayResponse & { readonly body: Buffer },
  ): readonly Edit[];
  /** Called exactly once, on every way out. Must not throw. */
  onEnd?(context: RequestContext, ending: Ending): void;
}

/** A stage made ready for one configuration. Build new, swap, close old. */
export interface PreparedStage<Name extends StageName = StageName> {
  readonly name: Name;
  /** The handlers for a route, bound once at load; null where the stage has nothing to do there. */
  bind(route: Route): StageHandlers<Name> | null;
  /** Frees what `prepare` took (timers, files, sockets). Called once no request uses this configuration. */
  close?(): Maybe<void>;
}

/** `enforce`: the verdict counts. `shadow`: it is recorded and the request goes on. */
export type StageMode = "enforce" | "shadow";

/** What a fault of the stage means: `reject` (the default, 503) or, written down by the operator, `continue`. */
export type WhenBroken = "reject" | "continue";

/** Wall clock in milliseconds since the epoch, and a monotonic one; injected so that tests can freeze both. */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
