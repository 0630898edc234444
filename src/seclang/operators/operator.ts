/**
 * What an operator is: compiled once from its argument, then asked for each value; it must never refuse at run time
 * what it could have refused at load.
 */
import type { ByteString } from "../byte-string.ts";

/** Why an argument was refused. */
type OperatorRefusal =
  | "operator.argument_invalid"
  | "operator.file_unreadable"
  | "operator.tool_missing"
  | "operator.unsupported";

/** A load-time error: the caller adds file, line and operator name. */
export class OperatorRefused extends Error {
  readonly code: OperatorRefusal;

  constructor(code: OperatorRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OperatorRefused";
    this.code = code;
  }
}

/** Finds the first match of a pattern at or after an offset. */
export type PatternFinder = (
  value: ByteString,
  from: number,
) => { readonly start: number; readonly end: number } | undefined;

/** What an operator may use while it is compiled. */
export interface OperatorTools {
  /** Reads a file beside the rule file. Throws when it cannot. */
  readFile(path: string): Uint8Array;
  /** Compiles a pattern for the operators that verify what it finds; without it they are refused. Throws when it cannot. */
  compilePattern?(pattern: ByteString): PatternFinder;
}

/** One operator with its argument. Negation is the caller's. */
export interface CompiledOperator {
  /** Whether the argument holds macros: then `expanded`, the argument with its macros replaced, must be given. */
  readonly expands?: true;
  /** A lookup this engine does not make: it never matches. The load report should say so. */
  readonly stub?: true;
  /**
   * For a prefilter: a value that holds none of these, ASCII case ignored, cannot match. Absent: nothing is known.
   */
  readonly mandatory?: readonly ByteString[];
  test(value: ByteString, expanded?: ByteString): boolean;
  /** What `capture` stores as TX:0, TX:1, ...: empty when nothing matched. */
  captures?(value: ByteString): readonly ByteString[];
}

/** Compiles an argument. Throws OperatorRefused. */
export type OperatorCompiler = (argument: ByteString, tools: OperatorTools) => CompiledOperator;
