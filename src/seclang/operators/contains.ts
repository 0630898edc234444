/** `@contains`: the value holds the argument somewhere, case and all; it must never treat the argument as a pattern. */
import { comparingPart } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** An empty argument is in every value. */
export const contains: OperatorCompiler = comparingPart((value, argument) =>
  value.includes(argument),
);
