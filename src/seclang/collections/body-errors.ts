/** What went wrong with a body, as the variables that rules ask for. It must never quote the body: messages go to logs. */
import type { BodyFault } from "../body/parsed-body.ts";
import type { ByteString } from "../byte-string.ts";

export interface BodyErrors {
  /** Of what the fault is one. */
  readonly processor: string;
  readonly fault: BodyFault | undefined;
  readonly invalidEscapes: number;
}

/** Sets REQBODY_ERROR and its kin, and URLENCODED_ERROR. */
export function setErrors(variables: Map<string, ByteString>, errors: BodyErrors): void {
  const { processor, fault, invalidEscapes } = errors;
  const isFaulty = fault === undefined ? "0" : "1";
  const message =
    fault === undefined ? "" : `${processor}: ${fault.message} (${fault.code}, byte ${fault.at})`;
  variables.set("REQBODY_ERROR", isFaulty);
  variables.set("REQBODY_ERROR_MSG", message);
  variables.set("REQBODY_PROCESSOR_ERROR", isFaulty);
  variables.set("REQBODY_PROCESSOR_ERROR_MSG", message);
  variables.set("URLENCODED_ERROR", invalidEscapes > 0 ? "1" : "0");
}
