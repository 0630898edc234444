/** `@beginsWith`: the value starts with the argument, case and all; it must never look further into the value. */
import { comparingPart } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** Every value starts with an empty argument. */
export const beginsWith: OperatorCompiler = comparingPart((value, argument) =>
  value.startsWith(argument),
);
