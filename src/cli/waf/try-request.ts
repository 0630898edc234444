/** One request through a rule set on its own: everything that matches, and what would become of it. Nothing is kept of it. */
import type { Policy, PolicyOptions, RuleSet, TransactionReport } from "../../seclang/index.ts";
import type { FieldKinds } from "../../stages/waf/field-kinds.ts";
import type { EngineRequest } from "./told-request.ts";

/** What a cold pattern or a busy machine takes must not decide what is told of a request. */
const BUDGET_MICROS = 60_000_000;

export interface Conditions {
  readonly paranoia?: number | undefined;
  readonly thresholdIn?: number | undefined;
  /** What the route declares of its fields. */
  readonly fields?: FieldKinds | undefined;
}

/** The policy as it serves under these conditions. */
export function servingPolicy(set: RuleSet, conditions: Conditions = {}): Policy {
  return set.policy(optionsOf(conditions));
}

/** The same, but it watches only: what matches after the first refusal is told too. */
export function watchingPolicy(set: RuleSet, conditions: Conditions = {}): Policy {
  return set.policy({ ...optionsOf(conditions), engine: "detectionOnly" });
}

function optionsOf({ paranoia, thresholdIn, fields }: Conditions): PolicyOptions {
  return {
    engine: "on",
    budgetMicros: BUDGET_MICROS,
    tx: {
      ...(paranoia !== undefined && paranoiaVariables(paranoia)),
      ...(thresholdIn !== undefined && { inbound_anomaly_score_threshold: String(thresholdIn) }),
    },
    ...(fields !== undefined && { fieldKind: (name: string) => fields.kindOf(name) }),
    // As in the gateway: rule files that were made for another server may say otherwise.
    settings: { hasRequestBodyAccess: true },
  };
}

/** Version 3 of the Core Rule Set and version 4 call it differently. */
function paranoiaVariables(level: number): Record<string, string> {
  const names = [
    "blocking_paranoia_level",
    "detection_paranoia_level",
    "paranoia_level",
    "executing_paranoia_level",
  ];
  return Object.fromEntries(names.map((name) => [name, String(level)]));
}

export async function tryRequest(
  policy: Policy,
  { head, body }: EngineRequest,
): Promise<TransactionReport> {
  const transaction = policy.transaction();
  transaction.requestHead(head);
  await transaction.requestBody(body);
  return transaction.end();
}
