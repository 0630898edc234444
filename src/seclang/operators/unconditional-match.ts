/** `@unconditionalMatch`: matches every value; it must never look at it. */
import type { OperatorCompiler } from "./operator.ts";

/** Takes no argument. */
export const unconditionalMatch: OperatorCompiler = () => ({ test: () => true });
