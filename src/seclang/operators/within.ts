/**
 * `@within`: the value stands somewhere in the argument, case and all; it must never add borders of its own: rules put
 * their own marks around the words of a list (`|GET| |POST|`) and around the value.
 */
import { comparing } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** The empty value is within every argument, an empty one included. */
export const within: OperatorCompiler = comparing((value, argument) => argument.includes(value));
