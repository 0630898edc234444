/** What can be wrong with a rule file, said with place and hint; a fault is never dropped silently, only cut at a bound. */
import type { Position } from "./ast.ts";

/** Why a rule file is not accepted. */
export type FaultCode =
  | "seclang.quote"
  | "seclang.continuation"
  | "seclang.comment"
  | "seclang.directive"
  | "seclang.arguments"
  | "seclang.value"
  | "seclang.variable"
  | "seclang.selector"
  | "seclang.operator"
  | "seclang.action"
  | "seclang.macro"
  | "seclang.chain"
  | "seclang.id"
  | "seclang.include"
  | "seclang.refused"
  | "seclang.limit";

/** One reason why a rule file is not accepted. */
export interface ParseFault {
  readonly code: FaultCode;
  readonly file: string;
  readonly line: number;
  /** From 1, in the joined line; only where the fault lies at one byte. */
  readonly column?: number;
  readonly message: string;
  readonly hint?: string;
}

/** What a parser says besides the code and the sentence. */
export interface FaultDetail {
  /** A function where the hint costs a search: it is called only for a fault that is kept. */
  readonly hint?: string | (() => string | undefined) | undefined;
  readonly column?: number;
}

/** Takes one fault of the directive being read. */
export type Report = (code: FaultCode, message: string, detail?: FaultDetail) => void;

/**
 * Faults told of one file. Each unknown name costs a search for its neighbour: without the bound a file of a million
 * wrong lines would buy minutes of CPU and a report nobody can read.
 */
export const LIMIT_FAULTS = 200;

/** Bytes of a foreign name shown in a message. */
const SHOWN_BYTES = 60;

/** A name or value from a file, short and printable, for a message. */
export function shown(text: string): string {
  const cut = text.length > SHOWN_BYTES ? `${text.slice(0, SHOWN_BYTES)}...` : text;
  return `"${cut.replaceAll(/[^\x20-\x7e]/g, "?")}"`;
}

/** Makes the reporter for a directive at `at` that appends to `faults`, up to the bound. */
export function reportInto(faults: ParseFault[], at: Position): Report {
  return (code, message, { hint, column } = {}) => {
    if (faults.length >= LIMIT_FAULTS) return;
    const said = typeof hint === "function" ? hint() : hint;
    faults.push({
      code,
      file: at.file,
      line: at.line,
      ...(column === undefined ? {} : { column }),
      message,
      ...(said === undefined ? {} : { hint: said }),
    });
  };
}
