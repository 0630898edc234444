/** `@strmatch`: another name of `@contains` from the days of ModSecurity 2; it must never behave differently from it. */
import { comparingPart } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** An empty argument is in every value. */
export const strMatch: OperatorCompiler = comparingPart((value, argument) =>
  value.includes(argument),
);
