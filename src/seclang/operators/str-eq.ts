/** `@streq`: the value is the argument, byte for byte; it must never fold case or white space. */
import { comparingPart } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** An empty argument equals the empty value alone. */
export const strEq: OperatorCompiler = comparingPart((value, argument) => value === argument);
