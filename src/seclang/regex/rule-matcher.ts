/**
 * Matches values against the pattern of a rule, each value on the engine that is safe and fast for it. It never answers
 * without having looked: what no engine may have is thrown as `ValueTooLong`, and must become a refusal.
 */
import type { ByteString } from "../byte-string.ts";
import { CountedMatcher } from "./counted-matcher.ts";
import { GroupMatcher, type GroupPlaces } from "./group-matcher.ts";
import { LinearMatcher } from "./linear-matcher.ts";
import type { MatcherCache } from "./matcher-cache.ts";
import { parsePattern } from "./parse-pattern.ts";
import type { PatternFacts } from "./pattern-facts.ts";
import { relaxPattern } from "./relax-pattern.ts";

/** Up to here backtracking costs less than asking the automaton first whether it is needed at all. */
const CHEAP_BYTES = 48;
/** `TX:0` to `TX:9`. */
const CAPTURES_LIMIT = 10;

/**
 * Work of the counted search on one value, a step being 20 to 60 ns: 30 ms at most. Honest values need up to 76 steps a byte (a table
 * drawn with blanks). Raised, an attacker holds the process longer with each value; lowered, honest values are refused.
 */
const STEPS_PER_BYTE_LIMIT = 100;
const STEPS_LIMIT = 1_000_000;

/** No engine can decide this value in bounded time; who inspects must refuse it, never let it pass. */
export class ValueTooLong extends Error {
  override readonly name = "ValueTooLong";
  readonly lengthBytes: number;

  constructor(value: ByteString, limitBytes: number) {
    super(
      `a value of ${value.length} bytes is too long for a pattern that needs backtracking (limit ${limitBytes})`,
    );
    this.lengthBytes = value.length;
  }
}

export class RuleMatcher {
  readonly facts: PatternFacts;
  readonly #cache: MatcherCache | undefined;
  #expression: RegExp | undefined;
  #linear: LinearMatcher | undefined;
  #groups: GroupMatcher | undefined;
  #counted: CountedMatcher | undefined;

  /** Cheap: both engines are made when a value needs them. Throws nothing. */
  constructor(facts: PatternFacts, cache?: MatcherCache) {
    this.facts = facts;
    this.#cache = cache;
  }

  /** Makes what values of ordinary length need, and has V8 compile it, so that no request waits for that. */
  warm(): void {
    if (this.facts.risk === "never") {
      this.#linearMatcher();
      return;
    }
    // V8 interprets the first run of an expression and compiles it to machine code for the second.
    this.#regExp().test("");
    this.#regExp().test("");
  }

  /** Whether the pattern matches somewhere in the value. Throws `ValueTooLong`. */
  test(value: ByteString): boolean {
    const { linear, risk, backtrackingLimitBytes } = this.facts;
    const isShort = value.length <= backtrackingLimitBytes;
    if (isShort && (risk === "safe" || linear !== "superset" || value.length <= CHEAP_BYTES)) {
      return this.#regExp().test(value);
    }
    const mayMatch = linear === "none" || this.#testLinear(value);
    if (!mayMatch || linear === "exact") return mayMatch;
    return isShort ? this.#regExp().test(value) : this.#countedPlaces(value) !== undefined;
  }

  /**
   * The texts of the match and its groups as the pattern numbers them, at most ten, those without part as empty strings
   * but for the last ones, which are left out, as in ModSecurity; none when nothing matches. Of a pattern without groups
   * in a value too large for a search in order, the match may reach further than PCRE's. Throws `ValueTooLong`, also when
   * groups of a match cannot be found.
   */
  captures(value: ByteString): readonly ByteString[] {
    const { linear, backtrackingLimitBytes } = this.facts;
    const isShort = value.length <= backtrackingLimitBytes;
    if (!isShort && linear === "exact") return this.#capturesLinear(value);
    if (!isShort) {
      const places = linear === "none" || this.#testLinear(value) ? this.#countedPlaces(value) : [];
      return textsAt(value, places ?? []);
    }
    if (!this.test(value)) return [];
    const match = this.#regExp().exec(value);
    if (!match) return [];
    return trimmed(this.facts.javaScript.groups.map((group) => match[group]));
  }

  #testLinear(value: ByteString): boolean {
    const matcher = this.#linearMatcher();
    const isMatch = matcher.test(value);
    this.#cache?.touch(matcher);
    return isMatch;
  }

  #countedPlaces(value: ByteString): GroupPlaces | undefined {
    this.#counted ??= new CountedMatcher(parsePattern(this.facts.source));
    const stepsLimit = Math.min(STEPS_LIMIT, STEPS_PER_BYTE_LIMIT * value.length);
    const places = this.#counted.match(value, stepsLimit);
    if (places === "spent") throw new ValueTooLong(value, this.facts.backtrackingLimitBytes);
    return places;
  }

  #capturesLinear(value: ByteString): readonly ByteString[] {
    const matcher = this.#linearMatcher();
    const span = matcher.find(value);
    this.#cache?.touch(matcher);
    if (!span) return [];
    this.#groups ??= new GroupMatcher(parsePattern(this.facts.source));
    const places = this.#groups.match(value, span);
    if (places === undefined) throw new Error("the engines disagree about a match");
    if (places !== "tooLarge") return textsAt(value, places);
    if (this.facts.javaScript.groups.length > 1 || matcher.looksAhead) {
      throw new ValueTooLong(value, this.facts.backtrackingLimitBytes);
    }
    return [value.slice(span.start, span.end)];
  }

  #regExp(): RegExp {
    const { source, flags } = this.facts.javaScript;
    return (this.#expression ??= new RegExp(source, flags));
  }

  #linearMatcher(): LinearMatcher {
    if (this.#linear) return this.#linear;
    const pattern = parsePattern(this.facts.source);
    const isExact = this.facts.linear === "exact";
    this.#linear = new LinearMatcher(isExact ? pattern : relaxPattern(pattern));
    return this.#linear;
  }
}

function textsAt(value: ByteString, places: readonly number[]): readonly ByteString[] {
  const texts: (ByteString | undefined)[] = [];
  for (let slot = 0; slot + 1 < places.length; slot += 2) {
    const [start, end] = [places[slot] ?? -1, places[slot + 1] ?? -1];
    texts.push(end < 0 ? undefined : value.slice(start, end));
  }
  return trimmed(texts);
}

/** Without the groups after the last one that took part. */
function trimmed(texts: readonly (ByteString | undefined)[]): readonly ByteString[] {
  const last = texts.findLastIndex((text) => text !== undefined);
  return texts.slice(0, Math.min(last + 1, CAPTURES_LIMIT)).map((text) => text ?? "");
}
