/**
 * What the limits made of a request, as JSON for the log; its cost also for the ledger. Names come from the configuration,
 * numbers from counters: nothing of a caller's is in it.
 */
import type { CostSpent, Limited } from "../pipeline/facts.ts";
import { nameText } from "./json-text.ts";

/** `null` where a request was simply let pass. */
export function limitedText({ refusedBy, degraded, cost }: Limited): string {
  const members = [
    ...(refusedBy === undefined ? [] : [`"refused_by":"${nameText(refusedBy.name)}"`]),
    ...(degraded === undefined ? [] : [`"degraded":"${degraded}"`]),
    ...(cost === undefined ? [] : [`"cost":${costText(cost)}`]),
  ];
  return members.length === 0 ? "null" : `{${members.join()}}`;
}

export const costText = ({ reserved, settled }: CostSpent): string =>
  settled === undefined
    ? `{"reserved":${reserved}}`
    : `{"reserved":${reserved},"settled":${settled}}`;
