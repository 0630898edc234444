/**
 * `@containsWord`: the value holds the argument with no ASCII letter right before or behind it; digits, `_` and bytes
 * above 127 are borders, as in ModSecurity 3, so it must never be read as `\b`.
 */
import type { ByteString } from "../byte-string.ts";
import { comparingPart } from "./macro-argument.ts";
import type { OperatorCompiler } from "./operator.ts";

/** Also true at both ends of the value, where `charCodeAt` gives NaN. */
function isBorder(value: ByteString, at: number): boolean {
  const letter = value.charCodeAt(at) | 0x20;
  return !(letter >= 0x61 && letter <= 0x7a);
}

/** An empty argument is in every value. */
export const containsWord: OperatorCompiler = comparingPart((value, argument) => {
  if (argument === "") return true;
  for (let at = value.indexOf(argument); at !== -1; at = value.indexOf(argument, at + 1)) {
    if (isBorder(value, at - 1) && isBorder(value, at + argument.length)) return true;
  }
  return false;
});
