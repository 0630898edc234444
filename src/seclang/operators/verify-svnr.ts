/**
 * `@verifySVNR`: the pattern of the argument finds an Austrian social insurance number with the right check digit; it must
 * never report the made-up ones that pass by accident.
 */
import type { OperatorCompiler } from "./operator.ts";
import { isMadeUp, verifying, weightedSum, type DigitCheck } from "./verified-match.ts";

const SVNR_DIGITS = 10;
/** The fourth digit is the check digit: it has no weight of its own. */
const WEIGHTS = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];
/** Listed as bad by ModSecurity, beside the repeated and the rising digits. */
const RISING_DIGITS = "1234567890";

const isSvnr: DigitCheck = (all) => {
  const digits = all.slice(0, SVNR_DIGITS);
  if (digits.length < SVNR_DIGITS || isMadeUp(digits)) return false;
  if (digits.join("") === RISING_DIGITS) return false;
  // A rest of 10 counts as 0, as in ModSecurity; the insurer never issues such a number.
  return (weightedSum(digits, WEIGHTS) % 11) % 10 === digits[3];
};

/** The first ten digits count; more are left out. */
export const verifySvnr: OperatorCompiler = verifying(isSvnr);
