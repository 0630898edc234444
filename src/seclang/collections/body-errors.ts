/** What went wrong with a body, as the variables that rules ask for. It must never quote the body: messages go to logs. */
import type { BodyFault } from "../body/parsed-body.ts";
import type { VariableReaders } from "./variable-table.ts";

export interface BodyErrors {
  /** Of what the fault is one. */
  readonly processor: string;
  readonly fault: BodyFault | undefined;
  readonly invalidEscapes: number;
}

interface WithErrors {
  readonly errors: BodyErrors;
}

const isFaulty = ({ errors }: WithErrors): string => (errors.fault === undefined ? "0" : "1");

function messageOf({ errors: { processor, fault } }: WithErrors): string {
  return fault === undefined
    ? ""
    : `${processor}: ${fault.message} (${fault.code}, byte ${fault.at})`;
}

/** REQBODY_ERROR and its kin, and URLENCODED_ERROR. */
export const ERROR_VARIABLES: VariableReaders<WithErrors> = new Map([
  ["REQBODY_ERROR", isFaulty],
  ["REQBODY_ERROR_MSG", messageOf],
  ["REQBODY_PROCESSOR_ERROR", isFaulty],
  ["REQBODY_PROCESSOR_ERROR_MSG", messageOf],
  ["URLENCODED_ERROR", ({ errors }) => (errors.invalidEscapes > 0 ? "1" : "0")],
]);
