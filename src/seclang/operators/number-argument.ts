/**
 * Operators that compare numbers. Text is read as ModSecurity reads it, by its leading digits; a number too large for
 * it must never become 0, since a length limit would then let the longest value pass.
 */
import type { ByteString } from "../byte-string.ts";
import { hasMacro, requireExpanded } from "./macro-argument.ts";
import { OperatorRefused, type OperatorCompiler } from "./operator.ts";

/** White space as C's isspace has it, a sign, digits; what follows is not read. */
const LEADING_INTEGER = /^[ \t\n\v\f\r]*([+-]?)0*(\d*)/;
const WHOLE_INTEGER = /^\s*(?:[+-]?\d+)?\s*$/;

/** Digits that a number of JavaScript holds exactly. Raised, different large numbers would compare as equal. */
const EXACT_DIGITS = 15;

/** Digits alone, few enough to be exact, are nearly all that is compared; -1 for anything else. */
function readDigits(text: ByteString): number {
  const { length } = text;
  if (length === 0 || length > EXACT_DIGITS) return -1;
  let number = 0;
  for (let at = 0; at < length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** The number at the start of the text; none is 0. One of more than 15 digits is the largest there is. */
export function readInteger(text: ByteString): number {
  const plain = readDigits(text);
  if (plain >= 0) return plain;
  const [, sign = "", digits = ""] = LEADING_INTEGER.exec(text) ?? [];
  const size = digits.length > EXACT_DIGITS ? Number.MAX_SAFE_INTEGER : Number(digits);
  return sign === "-" && size !== 0 ? -size : size;
}

/** An operator that compares the value's number with the argument's; an argument that is no number is refused. */
export function comparingNumbers(
  matches: (value: number, argument: number) => boolean,
): OperatorCompiler {
  return (argument) => {
    if (hasMacro(argument)) {
      return {
        expands: true,
        test: (value, expanded) =>
          matches(readInteger(value), readInteger(requireExpanded(expanded))),
      };
    }
    if (!WHOLE_INTEGER.test(argument)) {
      throw new OperatorRefused(
        "operator.argument_invalid",
        `${JSON.stringify(argument)} is not a whole number; to compare text use @streq`,
      );
    }
    const constant = readInteger(argument);
    return { test: (value) => matches(readInteger(value), constant) };
  };
}
