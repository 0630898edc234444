/**
 * `@verifyCC`: the pattern of the argument finds a payment card number whose check digit is right (Luhn, ISO/IEC 7812-1
 * annex B); it must never report digits for their length alone.
 */
import type { OperatorCompiler } from "./operator.ts";
import { verifying, type DigitCheck } from "./verified-match.ts";

/** From the right, every second digit counts double, with 9 taken off above 9; the sum ends in 0. */
const hasLuhnDigit: DigitCheck = (digits) => {
  const sum = digits.reduce((total, digit, at) => {
    const isDoubled = (digits.length - at) % 2 === 0;
    const weighted = isDoubled ? digit * 2 : digit;
    return total + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return digits.length > 0 && sum % 10 === 0;
};

/** The pattern decides how many digits a number has. */
export const verifyCc: OperatorCompiler = verifying(hasLuhnDigit);
