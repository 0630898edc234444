/** `@ge`: the value's number is greater than or equal to the argument's; it must never compare as text, where "10" comes before "9". */
import { comparingNumbers } from "./number-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** A value without a leading number counts as 0. */
export const ge: OperatorCompiler = comparingNumbers((value, argument) => value >= argument);
