/** Hands out matchers for patterns, one for each distinct pattern of a rule set; a pattern made of a request's values is compiled on the spot, and few are kept. */
import type { ByteString } from "../byte-string.ts";
import { bareLiterals } from "../filter/bare-literals.ts";
import { MatcherCache } from "../regex/matcher-cache.ts";
import { analysePattern, byteSetsOf, type PatternFacts } from "../regex/pattern-facts.ts";
import type { ByteSet } from "../regex/byte-set.ts";
import { parsePattern } from "../regex/parse-pattern.ts";
import { RuleMatcher } from "../regex/rule-matcher.ts";

/** Patterns with expanded macros that are kept: their texts come from settings, so there are few. */
const LIMIT_RUN_TIME_PATTERNS = 32;

/** What is known of a pattern, as plain data. */
export interface KnownPattern extends PatternFacts {
  /** See `bareLiterals` of the filter. */
  readonly bare?: readonly ByteString[];
}

interface Conditions {
  readonly literals: readonly ByteString[] | undefined;
  readonly bareLiterals: readonly ByteString[] | undefined;
  readonly byteSets: readonly ByteSet[];
}

export class PatternSource {
  readonly #cache = new MatcherCache();
  readonly #facts: Map<ByteString, KnownPattern>;
  /** Patterns of rules that were not known before. */
  learnedCount = 0;
  readonly #matchers = new Map<ByteString, RuleMatcher>();
  readonly #atRunTime = new Map<ByteString, RuleMatcher>();

  /** `known`: what an earlier load worked out. */
  constructor(known: readonly KnownPattern[] = []) {
    this.#facts = new Map(known.map((facts) => [facts.source, facts]));
  }

  /** Everything that was worked out, to be kept on disk. */
  get facts(): readonly KnownPattern[] {
    return [...this.#facts.values()];
  }

  /** Throws `PatternRefused`. */
  matcherOf(source: ByteString): RuleMatcher {
    const known = this.#matchers.get(source);
    if (known !== undefined) return known;
    const matcher = new RuleMatcher(this.#factsOf(source), this.#cache);
    this.#matchers.set(source, matcher);
    return matcher;
  }

  conditionsOf(source: ByteString): Conditions {
    const facts = this.#factsOf(source);
    return {
      literals: facts.required?.literals,
      bareLiterals: facts.bare,
      byteSets: byteSetsOf(facts),
    };
  }

  /** A matcher for a pattern whose macros were expanded. Throws `PatternRefused`. */
  atRunTime(source: ByteString): RuleMatcher {
    const known = this.#atRunTime.get(source);
    if (known !== undefined) return known;
    if (this.#atRunTime.size >= LIMIT_RUN_TIME_PATTERNS) this.#atRunTime.clear();
    const matcher = new RuleMatcher(analysePattern(source), this.#cache);
    this.#atRunTime.set(source, matcher);
    return matcher;
  }

  #factsOf(source: ByteString): KnownPattern {
    const known = this.#facts.get(source);
    if (known !== undefined) return known;
    const pattern = parsePattern(source);
    const analysed = analysePattern(source, pattern);
    const bare = bareLiterals(pattern, analysed);
    const facts = { ...analysed, ...(bare === undefined ? {} : { bare }) };
    this.learnedCount++;
    this.#facts.set(source, facts);
    return facts;
  }
}
