/** The applications of the demo: who they are to the identity provider and what they may ask it for. No real secrets here. */

export interface DemoCaller {
  /** `client_id` at the identity provider; the caller's name in the gateway's grants. */
  readonly name: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
}

export const PREDICT_SCOPE = "predict:churn";

export const CORE_BANKING: DemoCaller = {
  name: "core-banking",
  tenant: "retail",
  scopes: [PREDICT_SCOPE],
};
export const REPORTING: DemoCaller = {
  name: "reporting",
  tenant: "retail",
  scopes: [PREDICT_SCOPE],
};
/** Lives in a tight tier of limits. */
export const BATCH_SCORING: DemoCaller = {
  name: "batch-scoring",
  tenant: "retail",
  scopes: [PREDICT_SCOPE],
};

export const DEMO_CALLERS: readonly DemoCaller[] = [CORE_BANKING, REPORTING, BATCH_SCORING];
