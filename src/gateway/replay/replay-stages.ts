/**
 * Which stages can be asked again about a recorded request, and what is taken for the word of those that cannot. A stage
 * is asked only about what is on record: where it would need more, its recorded word stands or the end is unknown.
 */
import type { Decider, StageName } from "../../pipeline/facts.ts";
import type { Step } from "../../pipeline/plan.ts";
import {
  CATALOGUE,
  Fault,
  rejection,
  type Rejection,
  type RejectionCode,
} from "../../pipeline/rejection.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { GatewayResponse } from "../../pipeline/response.ts";
import { CONTINUE, type Decision } from "../../pipeline/stage.ts";
import { isCallerHashed, recordedIdentity } from "./replay-context.ts";
import type { RecordedDecision } from "./replay-record.ts";

/** A recorded request on its way through the stages of the configuration it is replayed against. */
export interface Asked {
  readonly record: RecordedDecision;
  readonly context: RequestContext;
  /** The stage as bound to the request's route. */
  readonly step: Step;
  /** Whether the route asks nobody who they are. */
  readonly isOpenRoute: boolean;
  /** Whether the constitution decides about what the limits refuse here. */
  readonly isLeftToConstitution: boolean;
}

/**
 * What a stage says when asked again: a decision; `as_recorded` where its input is not on record but its answer is; or
 * `unknown` where it would now look at something that was never recorded.
 */
export type AskedAgain = Decision | "as_recorded" | "unknown";

/** A stage that can be asked again about some recorded requests, or all. One more of these is one more stage replayed. */
export interface DecidableStage {
  readonly stage: StageName;
  decide(asked: Asked): AskedAgain | Promise<AskedAgain>;
}

/** Asks the stage itself: its own handler, as the runner would. */
export function askStage({ step, context }: Asked): Decision | Promise<Decision> {
  return step.handlers.onHead?.(context) ?? CONTINUE;
}

const REVOKED: RejectionCode = "kill-switch.version_revoked";
/** Also said by whoever reads the body, in the name of the contract, whatever the stage's mode is. */
export const BODY_TOO_LARGE: RejectionCode = "contract.body_too_large";
const METHOD_REFUSED: RejectionCode = "contract.method_not_allowed";

/** Decides from configuration alone; a switch thrown by hand is no configuration, and stays as recorded. */
const killSwitch: DecidableStage = {
  stage: "kill-switch",
  decide: (asked) =>
    asked.record.stage === "kill-switch" && asked.record.code !== REVOKED
      ? "as_recorded"
      : askStage(asked),
};

/** No credential is on record. All that can be told is what becomes of a route that opens or closes. */
const identity: DecidableStage = {
  stage: "identity",
  decide(asked) {
    if (asked.isOpenRoute) return askStage(asked);
    return asked.record.who.method === "anonymous" ? "unknown" : "as_recorded";
  },
};

const authorization: DecidableStage = {
  stage: "authorization",
  decide: (asked) =>
    !asked.isOpenRoute && isCallerHashed(asked.record) ? "as_recorded" : askStage(asked),
};

/** Of all that a contract looks at, the method and a declared length are on record; the method is looked at first. */
const contract: DecidableStage = {
  stage: "contract",
  decide(asked) {
    const { record, context } = asked;
    const { methods, bodyLimitBytes } = context.route;
    if (!methods.includes(record.method)) return askStage(asked);
    if (record.code === METHOD_REFUSED) return CONTINUE;
    const lengthBytes = record.facts.contentLength;
    const isTooLong = lengthBytes !== undefined && lengthBytes > bodyLimitBytes;
    if (record.stage !== "contract" && isTooLong)
      return { verdict: "reject", rejection: rejection(BODY_TOO_LARGE) };
    const wasTooLong = record.code === BODY_TOO_LARGE && lengthBytes !== undefined;
    return wasTooLong && !isTooLong ? CONTINUE : "as_recorded";
  },
};

/** Every stage that can be asked again from facts alone. */
export const DECIDABLE_STAGES: readonly DecidableStage[] = [
  killSwitch,
  identity,
  authorization,
  contract,
];

/** Stages that may fail for want of something they depend on, by the code of it; `broken` holds no code. */
const FAULTS: Partial<Record<string, RejectionCode>> = {
  identity: "identity.keys_unavailable",
  limits: "limits.store_unavailable",
};

/** Said with 503, and no fault: the pack's time was over, or it was shut by hand, and nothing may
 * pass then; or too many ran at the same time. */
const NO_FAULTS: ReadonlySet<string> = new Set<RejectionCode>([
  "constitution.pack_expired",
  "kill-switch.killed",
  "limits.busy",
]);

const ANSWERED: GatewayResponse = { status: 204, headers: [], body: Buffer.alloc(0) };

/**
 * What a stage said when the request was recorded, as a decision that the runner can be given. A stage that was passed
 * although broken, or that failed, fails again: the runner then goes by what the configuration says of that.
 */
export function recordedWord(stage: StageName, record: RecordedDecision): Decision {
  const shadow = record.shadows.find((one) => one.stage === stage);
  if (shadow) return wordOf(shadow.code, record.status);
  if (record.broken.some((one) => one.stage === stage))
    throw new Fault(FAULTS[stage] ?? "gateway.invariant_broken", "broken when it was recorded");
  if (record.stage === stage) return wordOf(record.code, record.status);
  if (stage === "identity") {
    const learned = recordedIdentity(record);
    return learned ? { verdict: "continue", learned } : CONTINUE;
  }
  const { grant } = record.facts;
  return stage === "authorization" && grant !== undefined
    ? { verdict: "continue", learned: { grant } }
    : CONTINUE;
}

function wordOf(code: string, status: number | undefined): Decision {
  if (code === "answered") return { verdict: "answer", response: ANSWERED };
  const said = rejectionOf(code, status);
  if (said.status === 503 && !NO_FAULTS.has(code))
    throw new Fault(said.code, "failed when it was recorded");
  return { verdict: "reject", rejection: said };
}

/** A record of another release may hold a code that this one does not know; it is compared, not understood. */
function rejectionOf(code: string, status: number | undefined): Rejection {
  if (Object.hasOwn(CATALOGUE, code)) return rejection(code as RejectionCode);
  const isError = status !== undefined && status >= 500;
  const likeness = rejection(isError ? "gateway.invariant_broken" : "authorization.no_grant");
  return { ...likeness, code: code as RejectionCode };
}

const STAGES: Record<StageName, true> = {
  "kill-switch": true,
  headers: true,
  sources: true,
  identity: true,
  authorization: true,
  limits: true,
  constitution: true,
  waf: true,
  contract: true,
  extraction: true,
  masking: true,
};

/** Whether a stage decided, and not a part of the gateway outside the stages. */
export const isStage = (decider: Decider): decider is StageName => Object.hasOwn(STAGES, decider);
