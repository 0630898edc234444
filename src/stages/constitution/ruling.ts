/**
 * From what a pack said to what is done. It must never let a request pass that the limits refused while the pack does not
 * even look at them, nor one that an edge had denied, nor anything once the pack's time is over.
 */
import type { ConstitutionVerdict } from "../../packs/life/serving.ts";
import type { Governed } from "../../pipeline/facts.ts";
import { rejection, type Rejection, type RejectionExtras } from "../../pipeline/rejection.ts";

/** Longest explanation in a log line: names of packs and of edges have no bound of their own. */
const CAUSE_LIMIT_CHARS = 500;

/** What a ruling is made from, besides what is recorded. */
export interface Ruled {
  readonly verdict: ConstitutionVerdict;
  readonly governed: Governed;
  /** What the limits left to the pack. */
  readonly refusal: Rejection | undefined;
  /** Why signature or edge could not be believed, for the operator. */
  readonly doubts: readonly string[];
}

/** Undefined when the request goes on. */
export function ruling({ verdict, governed, refusal, doubts }: Ruled): Rejection | undefined {
  const { decision, pack, isExpired } = verdict;
  if (isExpired)
    return rejection("constitution.pack_expired", { cause: `${packText(governed)} has expired` });
  if (refusal && !pack.evaluator.readsField("context.rate.ok")) return refusal;
  const isAllowed = decision.effect === "allow";
  if (isAllowed && !governed.edge) return undefined;
  const cause = causeOf(governed, doubts);
  if (!isAllowed && decision.status === 429)
    return rejection("constitution.rate_limited", { cause, ...retryOf(refusal) });
  if (governed.edge) return rejection("constitution.edge_diverged", { cause });
  const isDefault = decision.output === "default_deny";
  return rejection(isDefault ? "constitution.default_deny" : "constitution.denied", { cause });
}

/** When the limits say after which time a request would pass, so does the answer; else it says what every 429 does. */
function retryOf(refusal: Rejection | undefined): RejectionExtras {
  const { headers, retryAfterSeconds } = refusal ?? {};
  return {
    ...(headers && { headers }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}

function causeOf(governed: Governed, doubts: readonly string[]): string {
  const { output, wire, bitFailed, bitValue, edge } = governed;
  const parts = [
    `${packText(governed)}: ${output}${wire === undefined ? "" : ` by ${wire}`}`,
    ...(bitFailed === undefined ? [] : [`${bitFailed} is ${bitValue ?? "not true"}`]),
    ...(edge ? [`the edge decided ${edge.decision}${edge.pack && ` by ${edge.pack}`}`] : []),
    ...doubts,
  ];
  return parts.join("; ").slice(0, CAUSE_LIMIT_CHARS);
}

const packText = ({ pack, stage }: Governed): string =>
  `${stage === "canary" ? "canary pack" : "pack"} ${pack.id} ${pack.version}`;
