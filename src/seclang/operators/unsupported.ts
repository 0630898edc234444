/**
 * Operators that this engine knows by name and does not run; none of them must ever look as if it had inspected
 * something.
 */
import { OperatorRefused, type OperatorCompiler } from "./operator.ts";

/** A load error that says why, and what to do instead. */
export function refused(reason: string): OperatorCompiler {
  return () => {
    throw new OperatorRefused("operator.unsupported", reason);
  };
}

/**
 * A lookup that finds nothing, for the operators of rules that the CRS ships switched off. They load, so that the set
 * does; `stub` lets the load report name them.
 */
export const neverFound: OperatorCompiler = () => ({ stub: true, test: () => false });
