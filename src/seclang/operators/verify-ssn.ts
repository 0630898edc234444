/**
 * `@verifySSN`: the pattern of the argument finds a social security number of the United States that could have been
 * issued; it must never report numbers that never were.
 */
import type { OperatorCompiler } from "./operator.ts";
import { isMadeUp, verifying, type DigitCheck } from "./verified-match.ts";

/** Areas from here on were not issued while areas meant a place (before June 2011); ModSecurity keeps this border. */
const FIRST_UNUSED_AREA = 740;
const NEVER_USED_AREA = 666;

const isIssued: DigitCheck = (digits) => {
  if (digits.length !== 9 || isMadeUp(digits)) return false;
  const part = (from: number, to: number): number => Number(digits.slice(from, to).join(""));
  const area = part(0, 3);
  if (area === 0 || area === NEVER_USED_AREA || area >= FIRST_UNUSED_AREA) return false;
  return part(3, 5) !== 0 && part(5, 9) !== 0;
};

/** Exactly nine digits. */
export const verifySsn: OperatorCompiler = verifying(isIssued);
