/** What a thrown thing means: a fault is said as its code, a refused body as its rejection, all else is a bug. */
import { BodyRejected } from "./exchange.ts";
import { Fault, rejection, type Rejection } from "./rejection.ts";

export function rejectionOfThrown(error: unknown): Rejection {
  if (error instanceof Fault) {
    return rejection(error.code, {
      cause: describe(error),
      retryAfterSeconds: error.retryAfterSeconds,
    });
  }
  if (error instanceof BodyRejected) return error.rejection;
  return rejection("gateway.invariant_broken", { cause: describe(error) });
}

/** Private text for the log: a fault in its own words, a bug with its stack. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return error instanceof Fault ? `${error.message}${cause}` : (error.stack ?? error.message);
}
