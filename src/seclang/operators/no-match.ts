/** `@noMatch`: matches no value; it must never look at it. */
import type { OperatorCompiler } from "./operator.ts";

/** Takes no argument. */
export const noMatch: OperatorCompiler = () => ({ test: () => false });
