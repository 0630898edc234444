/** What is wrong within one rule, by its place in the rule's own text. It becomes a `PackFinding` where the file is known. */
import type { PackErrorCode } from "../pack-error.ts";

export type LogicFaultCode = Extract<PackErrorCode, `pack.logic_${string}`>;

export interface LogicFault {
  readonly code: LogicFaultCode;
  readonly message: string;
  readonly hint?: string;
  /** UTF-16 offset into the rule. */
  readonly at: number;
}

/** Ends the reading of one rule; it never leaves this folder. */
export class LogicRefused extends Error {
  override readonly name = "LogicRefused";
  readonly fault: LogicFault;

  constructor(fault: LogicFault) {
    super(fault.message);
    this.fault = fault;
  }
}
