/**
 * Operators that look for a pattern and then verify the digits of what it found; a value must never make them read it
 * more than a few times over.
 */
import type { ByteString } from "../byte-string.ts";
import { hasMacro } from "./macro-argument.ts";
import {
  OperatorRefused,
  type OperatorCompiler,
  type OperatorTools,
  type PatternFinder,
} from "./operator.ts";

/**
 * How many bytes of candidates are read, as a multiple of the value's length and with a floor for short ones. Patterns
 * for numbers find each digit in at most about twenty candidates. Raised, a loose pattern such as `\d+` lets a caller
 * buy work that grows with the square of what was sent.
 */
const CANDIDATE_BYTES_PER_BYTE = 32;
const CANDIDATE_BYTES_FLOOR = 65_536;

/** Whether the digits (0 to 9, everything else left out) are a number of the kind looked for. */
export type DigitCheck = (digits: readonly number[]) => boolean;

/** The digits of the text in order. */
function digitsOf(text: ByteString): number[] {
  const digits: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit >= 0 && digit <= 9) digits.push(digit);
  }
  return digits;
}

/** The first candidate that holds; all candidates are tried, also those that overlap an earlier one. */
function findVerified(value: ByteString, find: PatternFinder, holds: DigitCheck) {
  let budget = Math.max(value.length * CANDIDATE_BYTES_PER_BYTE, CANDIDATE_BYTES_FLOOR);
  let from = 0;
  while (from < value.length) {
    const found = find(value, from);
    if (found === undefined) return undefined;
    const candidate = value.slice(found.start, found.end);
    // Too much to look through is reported as a match: not having looked must not count as clean.
    budget -= candidate.length;
    if (budget < 0 || holds(digitsOf(candidate))) return candidate;
    from = Math.max(from, found.start) + 1;
  }
  return undefined;
}

function compilePattern(pattern: ByteString, tools: OperatorTools): PatternFinder {
  if (pattern === "" || hasMacro(pattern)) {
    throw new OperatorRefused("operator.argument_invalid", "a constant pattern is needed");
  }
  if (tools.compilePattern === undefined) {
    throw new OperatorRefused("operator.tool_missing", "there is no pattern engine to use");
  }
  try {
    return tools.compilePattern(pattern);
  } catch (cause) {
    if (cause instanceof OperatorRefused) throw cause;
    const reason = cause instanceof Error ? cause.message : "the pattern cannot be compiled";
    throw new OperatorRefused("operator.argument_invalid", reason, { cause });
  }
}

/** An operator that matches when the argument's pattern finds a number that holds; it captures that number. */
export function verifying(holds: DigitCheck): OperatorCompiler {
  return (argument, tools) => {
    const find = compilePattern(argument, tools);
    return {
      test: (value) => findVerified(value, find, holds) !== undefined,
      captures: (value) => {
        const found = findVerified(value, find, holds);
        return found === undefined ? [] : [found];
      },
    };
  };
}

/** Whether all digits are the same or each is one more than the one before: numbers that people make up. */
export function isMadeUp(digits: readonly number[]): boolean {
  const follows = (step: number): boolean =>
    digits.every((digit, at) => at === 0 || digit === (digits[at - 1] ?? 0) + step);
  return follows(0) || follows(1);
}

/** The sum of each digit times its weight. */
export function weightedSum(digits: readonly number[], weights: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * (digits[at] ?? 0), 0);
}
