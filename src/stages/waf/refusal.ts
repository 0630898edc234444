/** Turns what the rules decided into what a caller is told: that it was refused, and never by what. */
import {
  rejection,
  type Rejection,
  type RejectionCode,
  type RejectionStatus,
  withStatus,
} from "../../pipeline/rejection.ts";
import type { EngineFault, Interruption } from "../../seclang/index.ts";

/**
 * Statuses that a rule may choose. Others promise something that the gateway does not keep (401 a challenge, 405 a list of
 * methods, 426 a protocol), or blame itself, which callers take as leave to try again.
 */
const HONOURED: ReadonlySet<number> = new Set<RejectionStatus>([
  400, 403, 404, 410, 413, 414, 415, 429, 431,
]);

/** A value that no matcher can take whole is one of a body that is too large. */
const CODES = {
  "waf.budget_exceeded": "waf.budget_exceeded",
  "waf.value_too_long": "waf.body_too_large",
  "waf.body_unreadable": "waf.body_unreadable",
  "waf.body_too_large": "waf.body_too_large",
} as const satisfies Record<EngineFault, RejectionCode>;

/** The refusal of a request. A `redirect` or `drop` is a refusal like any other: callers here are programs. */
export function refuseRequest(
  { ruleId, status }: Interruption,
  fault: EngineFault | undefined,
): Rejection {
  if (ruleId === 0 && fault) return rejection(CODES[fault], { cause: fault });
  const refusal = rejection("waf.blocked", { cause: `rule ${ruleId}` });
  return HONOURED.has(status) ? withStatus(refusal, status as RejectionStatus) : refusal;
}

/** The refusal of an answer: between operator and upstream, whatever the rule says. */
export function refuseAnswer({ ruleId }: Interruption, fault: EngineFault | undefined): Rejection {
  const cause = ruleId === 0 && fault ? fault : `rule ${ruleId}`;
  return rejection("waf.response_blocked", { cause });
}
