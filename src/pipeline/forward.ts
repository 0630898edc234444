/** The upstream side of one request, as the runner sees it; `upstream/` implements it. */
import type { Readable } from "node:stream";
import type { Rejection } from "./rejection.ts";
import type { RequestContext } from "./request-context.ts";
import type { GatewayResponse } from "./response.ts";

export interface ForwardOptions {
  readonly body: Buffer | Readable;
  /** True when a stage must see the whole answer: it is then buffered up to `responseLimitBytes` or refused. */
  readonly mustBuffer: boolean;
  /** With `mustBuffer`: an event stream is passed on as it comes all the same. */
  readonly mayStreamEvents?: boolean;
  readonly responseLimitBytes: number;
  /** Registers what to do when the caller goes away: the upstream call is cancelled. */
  onCallerGone(listener: () => void): void;
}

export type Forwarded =
  | { readonly kind: "response"; readonly response: GatewayResponse }
  | {
      readonly kind: "rejected";
      readonly rejection: Rejection;
      /** False when the upstream cannot have seen any of it. Default true: who cannot tell leaves it out. */
      readonly wasSent?: boolean;
    };

export interface Forwarder {
  /** Sends the request to the route's upstream. Every failure is a rejection with an `upstream.*` code; never throws. */
  forward(context: RequestContext, options: ForwardOptions): Promise<Forwarded>;
}
