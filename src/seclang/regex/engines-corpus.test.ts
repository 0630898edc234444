/** The patterns of the Core Rule Set 3.3 on both engines: same answers on its own tests, and bounded work on repeated strings. */
import { describe, expect, test } from "vitest";
import { ftwValues, hasFtwValues } from "./ftw-values.test-support.ts";
import { MatcherCache } from "./matcher-cache.ts";
import { LinearMatcher } from "./linear-matcher.ts";
import { parsePattern } from "./parse-pattern.ts";
import { analysePattern, type PatternFacts } from "./pattern-facts.ts";
import { PUMPS, pumped } from "./pumps.test-support.ts";
import { hasRules, rulePatterns } from "./rule-files.test-support.ts";
import { RuleMatcher, ValueTooLong } from "./rule-matcher.ts";

if (!hasFtwValues) console.warn("SKIPPED: crs-ftw-v3.3 is not here; set PORTCULLIS_CORPORA");

/** Some seconds on a machine with nothing else to do. */
const SLOW_MACHINE_MS = 180_000;

interface Row {
  readonly rule: string;
  readonly facts: PatternFacts;
}

/** A pattern occurs in several rules; each is tried once. */
function distinctRows(): Row[] {
  const bySource = new Map(rulePatterns().map(({ rule, source }) => [source, rule]));
  return [...bySource].map(([source, rule]) => ({ rule, facts: analysePattern(source) }));
}

const rows = hasRules ? distinctRows() : [];

/** As if no value were short enough for the backtracking engine. */
const withoutBacktracking = (facts: PatternFacts): PatternFacts => ({
  ...facts,
  backtrackingLimitBytes: facts.linear === "exact" ? -1 : facts.backtrackingLimitBytes,
});

describe.skipIf(!hasRules || !hasFtwValues)("values of the tests of the Core Rule Set", () => {
  /** Longer ones may take the plain expression, which is the judge here, too long; every third is enough each day. */
  const all = hasFtwValues && hasRules ? ftwValues(300) : [];
  const values = all.filter((_, i) => i % 3 === 0);

  test("are many", () => {
    expect(all.length).toBeGreaterThan(4_000);
  });

  test(
    "match where the plain expression says so, on the engine of choice and on the linear one",
    () => {
      const cache = new MatcherCache();
      const mismatches: string[] = [];
      let matches = 0;
      for (const { rule, facts } of rows) {
        const expression = new RegExp(facts.javaScript.source, facts.javaScript.flags);
        const chosen = new RuleMatcher(facts, cache);
        const linear = new RuleMatcher(withoutBacktracking(facts), cache);
        for (const value of values) {
          const match = expression.exec(value);
          const isMatch = match !== null;
          if (isMatch) matches++;
          const answers = [answerOf(chosen, value), answerOf(linear, value)];
          if (answers.includes(!isMatch)) mismatches.push(`${rule} on ${value}`);
          if (!isMatch || answers.includes(undefined)) continue;
          const captures = linear.captures(value).join("|");
          if (captures !== textsOf(match, facts))
            mismatches.push(`${rule} in ${value}: ${captures}`);
        }
      }
      expect(mismatches).toEqual([]);
      expect(matches).toBeGreaterThan(7_000);
    },
    SLOW_MACHINE_MS,
  );
});

/** The match and its groups up to the last that took part, ten at most. */
function textsOf(match: RegExpExecArray, { javaScript }: PatternFacts): string {
  const texts: (string | undefined)[] = javaScript.groups.map((group) => match[group]);
  const count = texts.findLastIndex((text) => text !== undefined) + 1;
  return texts.slice(0, Math.min(10, count)).join("|");
}

/** Undefined where the engine refuses to answer, which must not be a no. */
function answerOf(matcher: RuleMatcher, value: string): boolean | undefined {
  try {
    return matcher.test(value);
  } catch (error) {
    if (error instanceof ValueTooLong) return undefined;
    throw error;
  }
}

describe.skipIf(!hasRules)("repeated strings", () => {
  const LENGTH_BYTES = 4_096;
  const values = PUMPS.map((pump) => pumped(pump, LENGTH_BYTES));

  test("are many and all different", () => {
    expect(new Set(PUMPS).size).toBe(PUMPS.length);
    expect(PUMPS.length).toBeGreaterThanOrEqual(111);
  });

  test(
    "are read once each, and the instructions visited do not grow with their length",
    () => {
      for (const { rule, facts } of rows.filter((row) => row.facts.linear === "exact")) {
        const matcher = new LinearMatcher(parsePattern(facts.source));
        for (const value of values) matcher.test(value);
        const { bytesRead, visits, simulations } = matcher.cost;
        expect(bytesRead, rule).toBeLessThanOrEqual(LENGTH_BYTES * values.length);
        expect(simulations, rule).toBe(0);
        // Each pump leads through a few states, each of which visits some of the instructions.
        expect(visits / values.length, rule).toBeLessThan(4 * matcher.size + 200);
      }
    },
    SLOW_MACHINE_MS,
  );
});
