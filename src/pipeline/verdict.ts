/** What a request came to, and how that reached the caller. */
import type { Readable } from "node:stream";
import type { Decider } from "./facts.ts";
import type { Outcome } from "./outcome.ts";
import type { Rejection } from "./rejection.ts";
import { renderRejection } from "./render.ts";
import type { CallerRequest } from "./request-context.ts";
import type { GatewayResponse } from "./response.ts";

/** How the stages and the upstream left it: what to answer, and who said so. */
export interface Verdict {
  readonly by: Decider;
  readonly code: Outcome["code"];
  readonly rejection: Rejection | undefined;
  readonly response: GatewayResponse;
}

/** An upstream answer held whole, for a stage to judge. */
export type JudgedResponse = GatewayResponse & { readonly body: Buffer };

/** An event stream, which is watched while it passes. */
export type WatchedResponse = GatewayResponse & { readonly body: Readable };

/** The upstream answered and every stage that judged its answer let it pass. */
export function allowed(response: GatewayResponse): Verdict {
  return { by: "upstream", code: "ok", rejection: undefined, response };
}

/** Somebody said no, in the words a caller may read. */
export function refused(by: Decider, refusal: Rejection, request: CallerRequest): Verdict {
  return {
    by,
    code: refusal.code,
    rejection: refusal,
    response: renderRejection(refusal, request),
  };
}

/** The recorded end of a request. */
export interface End {
  readonly decision: Outcome["decision"];
  readonly status: number;
  readonly by: Decider;
  readonly code: Outcome["code"];
}

/** The code's first part names who said it; body and upstream failures reach the runner as codes only. */
export function deciderOf(refusal: Rejection): Decider {
  return refusal.code.slice(0, refusal.code.indexOf(".")) as Decider;
}
