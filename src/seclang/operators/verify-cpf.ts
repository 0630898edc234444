/**
 * `@verifyCPF`: the pattern of the argument finds a Brazilian taxpayer number (CPF) with both check digits right; it must
 * never report the repeated digits that pass the sums by accident.
 */
import type { OperatorCompiler } from "./operator.ts";
import { isMadeUp, verifying, weightedSum, type DigitCheck } from "./verified-match.ts";

const CPF_DIGITS = 11;
const FIRST_WEIGHTS = [10, 9, 8, 7, 6, 5, 4, 3, 2];
const SECOND_WEIGHTS = [11, ...FIRST_WEIGHTS];
/** Listed as bad by ModSecurity, beside the repeated digits. */
const RISING_DIGITS = "01234567890";

function checkDigit(digits: readonly number[], weights: readonly number[]): number {
  const rest = weightedSum(digits, weights) % CPF_DIGITS;
  return rest < 2 ? 0 : CPF_DIGITS - rest;
}

const isCpf: DigitCheck = (all) => {
  const digits = all.slice(0, CPF_DIGITS);
  if (digits.length < CPF_DIGITS || isMadeUp(digits)) return false;
  if (digits.join("") === RISING_DIGITS) return false;
  return (
    digits[9] === checkDigit(digits, FIRST_WEIGHTS) &&
    digits[10] === checkDigit(digits, SECOND_WEIGHTS)
  );
};

/** The first eleven digits count; more are left out. */
export const verifyCpf: OperatorCompiler = verifying(isCpf);
