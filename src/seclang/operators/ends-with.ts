/** `@endsWith`: the value ends with the argument, case and all; it must never cut off white space first. */
import { comparingPart } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** Every value ends with an empty argument. */
export const endsWith: OperatorCompiler = comparingPart((value, argument) =>
  value.endsWith(argument),
);
