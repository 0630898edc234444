/**
 * Works out, once for each rule file, all that is to be known of a pattern before it meets a value. The result is plain
 * data that survives JSON; the same pattern must always give the same facts, on every machine.
 */
import type { ByteString } from "../byte-string.ts";
import { backtrackingDegree } from "./backtracking-degree.ts";
import { ByteSet } from "./byte-set.ts";
import { isLinear } from "./linear-size.ts";
import { parsePattern } from "./parse-pattern.ts";
import type { Pattern } from "./pattern-tree.ts";
import { isQuadraticOnPumps } from "./pump-growth.ts";
import { relaxPattern } from "./relax-pattern.ts";
import { requiredBytes } from "./required-bytes.ts";
import { requiredLiterals, type RequiredLiterals } from "./required-literals.ts";
import { toJavaScript, type JavaScriptPattern } from "./to-javascript.ts";

export interface PatternFacts {
  /** The pattern as the rule has it. */
  readonly source: ByteString;
  readonly javaScript: JavaScriptPattern;
  /** Absent when a match may do without. */
  readonly required?: RequiredLiterals;
  /** Texts of sets of bytes, of each of which a matching value holds one; `byteSetsOf` reads them back. */
  readonly requiredBytes: readonly string[];
  /** What an automaton can say: all, only that nothing matches (the rest needs backtracking), or nothing. */
  readonly linear: "exact" | "superset" | "none";
  /** On the backtracking engine: `safe` at any length, `bounded` up to a length, `never` when the automaton can do it. */
  readonly risk: "safe" | "bounded" | "never";
  /** Bytes of a value up to which the backtracking engine may have it; 0 for never. */
  readonly backtrackingLimitBytes: number;
}

/** The limit of patterns that are safe; JSON has no `Infinity`. */
export const ANY_LENGTH_BYTES: number = Number.MAX_SAFE_INTEGER;

/**
 * Longest value for the backtracking engine, by the degree (from 2) of the polynomial that bounds its steps, where the
 * automaton takes the longer ones and those of higher degrees. Measured over both Core Rule Sets at the limit: no pump
 * costs more than 200 ns a byte, so that 128 KB in values of just this length cost a pattern 30 ms at most. Doubled,
 * degree 3 costs four times as much.
 */
const LIMITS_BESIDE_AUTOMATON_BYTES = [128, 16, 16] as const;
/**
 * The same where no automaton can decide: a longer value that may match is refused, so it is larger; a value costs up to
 * 5 ms. Raised, an attacker holds the process longer with each value; lowered, honest values are refused.
 */
const LIMITS_ALONE_BYTES = [2_048, 256, 192] as const;
const HIGH_DEGREE_LIMIT_ALONE_BYTES = 48;
/** What may be exponential: 16 million steps if every byte doubles them. */
const EXPONENTIAL_LIMIT_ALONE_BYTES = 24;

/**
 * Classifies the argument of an `@rx`; throws `PatternRefused` for what cannot be read or translated. `pattern`: what the
 * source says, where it was read before.
 */
export function analysePattern(
  source: ByteString,
  pattern: Pattern = parsePattern(source),
): PatternFacts {
  const required = requiredLiterals(pattern);
  const linear = linearityOf(pattern);
  const backtrackingLimitBytes = limitFor(degreeOf(pattern, linear), linear);
  return {
    source,
    javaScript: toJavaScript(pattern),
    ...(required ? { required } : {}),
    requiredBytes: requiredBytes(pattern).map(String),
    linear,
    risk: riskOf(backtrackingLimitBytes),
    backtrackingLimitBytes,
  };
}

/** The sets behind `requiredBytes`. */
export function byteSetsOf(facts: PatternFacts): readonly ByteSet[] {
  return facts.requiredBytes.map((text) => ByteSet.fromText(text));
}

function linearityOf(pattern: Pattern): PatternFacts["linear"] {
  if (isLinear(pattern)) return "exact";
  return isLinear(relaxPattern(pattern)) ? "superset" : "none";
}

/** Where no automaton can help, a degree that is too high refuses honest values; there it is worth counting. */
function degreeOf(pattern: Pattern, linear: PatternFacts["linear"]): number {
  const degree = backtrackingDegree(pattern);
  if (linear !== "superset" || degree <= 2 || degree === Infinity) return degree;
  return isQuadraticOnPumps(relaxPattern(pattern)) ? 2 : degree;
}

function limitFor(degree: number, linear: PatternFacts["linear"]): number {
  if (degree <= 1) return ANY_LENGTH_BYTES;
  const isAlone = linear !== "exact";
  if (degree === Infinity) return isAlone ? EXPONENTIAL_LIMIT_ALONE_BYTES : 0;
  if (isAlone) return LIMITS_ALONE_BYTES[degree - 2] ?? HIGH_DEGREE_LIMIT_ALONE_BYTES;
  return LIMITS_BESIDE_AUTOMATON_BYTES[degree - 2] ?? 0;
}

function riskOf(limitBytes: number): PatternFacts["risk"] {
  if (limitBytes === 0) return "never";
  return limitBytes === ANY_LENGTH_BYTES ? "safe" : "bounded";
}
