/**
 * `@validateUrlEncoding`: matches when a `%` is not followed by two hexadecimal digits; it must never take the `%uXXXX` of
 * old browsers for valid.
 */
import type { OperatorCompiler } from "./operator.ts";

const BROKEN_ESCAPE = /%(?![0-9a-f]{2})/i;

/** Takes no argument. */
export const validateUrlEncoding: OperatorCompiler = () => ({
  mandatory: ["%"],
  test: (value) => BROKEN_ESCAPE.test(value),
});
