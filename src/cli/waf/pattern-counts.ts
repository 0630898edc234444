/** Counts the patterns of a rule set by the engine that runs them; risk is worked out at load and only told here. */
import type { ByteString } from "../../seclang/byte-string.ts";
import type { PatternFacts } from "../../seclang/regex/pattern-facts.ts";

export interface PatternCounts {
  /** On V8's backtracking engine, whatever the length of the value. */
  readonly anyLength: number;
  /** There up to a length, on the automaton beyond. */
  readonly shortOnly: number;
  readonly automatonOnly: number;
  /**
   * What no automaton can decide (look-around, back-references): beyond the limit a value gets a bounded number of steps,
   * and is refused where they run out.
   */
  readonly stepBound: readonly {
    readonly rules: readonly number[];
    readonly limitBytes: number;
  }[];
}

export function patternCounts(
  patterns: readonly PatternFacts[],
  rulesByPattern: ReadonlyMap<ByteString, readonly number[]>,
): PatternCounts {
  const isStepBound = ({ linear, risk }: PatternFacts): boolean =>
    linear !== "exact" && risk !== "safe";
  const others = patterns.filter((facts) => !isStepBound(facts));
  const having = (wanted: PatternFacts["risk"]): number =>
    others.filter(({ risk }) => risk === wanted).length;
  return {
    anyLength: having("safe"),
    shortOnly: having("bounded"),
    automatonOnly: having("never"),
    stepBound: patterns.filter(isStepBound).map(({ source, backtrackingLimitBytes }) => ({
      rules: rulesByPattern.get(source) ?? [],
      limitBytes: backtrackingLimitBytes,
    })),
  };
}
