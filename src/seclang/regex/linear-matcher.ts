/**
 * Matches a regular pattern in time linear in the value, whatever the pattern and whoever wrote the value; finds where a
 * match is, but no groups. What it cannot decide it refuses when built, never while matching.
 */
import { CACHE_LIMIT_BYTES, LinearAutomaton } from "./linear-automaton.ts";
import { compileLinear, type LinearProgram } from "./linear-program.ts";
import type { Pattern } from "./pattern-tree.ts";

/** Where a match is: `value.slice(start, end)`. */
export interface MatchSpan {
  readonly start: number;
  readonly end: number;
}

/** What matching has cost so far, over all values; for tests, budgets and tuning. */
export interface LinearCost {
  readonly bytesRead: number;
  /** Instructions worked through because no state was remembered. */
  readonly visits: number;
  readonly resets: number;
  readonly simulations: number;
}

export class LinearMatcher {
  readonly #pattern: Pattern;
  readonly #cacheLimitBytes: number;
  readonly #program: LinearProgram;
  readonly #search: LinearAutomaton;
  #backwardProgram: LinearProgram | undefined;
  #startsOfEnd: LinearAutomaton | undefined;
  #beginnings: LinearAutomaton | undefined;
  #extents: LinearAutomaton | undefined;

  /** Throws `PatternRefused`: `notRegular` for what needs backtracking, `tooLarge` for too many counted repeats. */
  constructor(pattern: Pattern, cacheLimitBytes: number = CACHE_LIMIT_BYTES) {
    this.#pattern = pattern;
    this.#cacheLimitBytes = cacheLimitBytes;
    this.#program = compileLinear(pattern, "forward");
    this.#search = new LinearAutomaton(this.#program, {
      direction: "forward",
      isAnchored: false,
      cacheLimitBytes,
    });
  }

  /** Instructions of the automaton: the most work one byte can cause. */
  get size(): number {
    return this.#program.opcodes.length;
  }

  /** Whether the pattern looks at the byte after its match, so that `find` cannot say where that is. */
  get looksAhead(): boolean {
    return this.#program.looksAhead;
  }

  get cost(): LinearCost {
    return {
      bytesRead: this.#sum((automaton) => automaton.bytesRead),
      visits: this.#sum((automaton) => automaton.visits),
      resets: this.#sum((automaton) => automaton.resets),
      simulations: this.#sum((automaton) => automaton.simulations),
    };
  }

  get #automata(): LinearAutomaton[] {
    return [this.#search, this.#startsOfEnd, this.#beginnings, this.#extents].filter(
      (each) => each !== undefined,
    );
  }

  #sum(of: (automaton: LinearAutomaton) => number): number {
    return this.#automata.reduce((total, automaton) => total + of(automaton), 0);
  }

  /** Whether the pattern matches somewhere in the byte string. */
  test(value: string): boolean {
    return this.#search.scan({ value, from: 0, stopsAtFirst: true }) >= 0;
  }

  /** Bytes kept for what may be asked again, about. */
  get usedBytes(): number {
    // Asked after every match: no list is made for it.
    return (
      this.#search.usedBytes +
      (this.#startsOfEnd?.usedBytes ?? 0) +
      (this.#beginnings?.usedBytes ?? 0) +
      (this.#extents?.usedBytes ?? 0)
    );
  }

  /** Gives the memory back; later values are slower for a while. */
  forget(): void {
    for (const automaton of this.#automata) automaton.forget();
  }

  /**
   * The leftmost match, and of those that begin there the longest: the start is PCRE's, the end may lie further right
   * than PCRE's, which takes the first alternative that works. Reads the value up to three times. For a pattern that
   * looks at the byte after its match the whole value.
   */
  find(value: string): MatchSpan | undefined {
    const firstEnd = this.#search.scan({ value, from: 0, stopsAtFirst: true });
    if (firstEnd < 0) return undefined;
    if (this.looksAhead) return { start: 0, end: value.length };
    const start = this.#startOf(value, firstEnd);
    this.#extents ??= this.#anchored("forward");
    const end = this.#extents.scan({ value, from: start, stopsAtFirst: false });
    return { start, end };
  }

  /**
   * The leftmost start of all matches. The one that ends first is a few bytes long as a rule, and is found from its end;
   * only a match under way there may begin further left. WHY so: backward over the whole value a long pattern comes by so
   * many states that none is met twice.
   */
  #startOf(value: string, firstEnd: number): number {
    this.#startsOfEnd ??= this.#anchored("backward");
    const start = this.#startsOfEnd.scan({ value, from: firstEnd, stopsAtFirst: false });
    const places = this.#search.placesAt(value, start);
    this.#extents ??= this.#anchored("forward");
    const isEarlier =
      places.at.length > 0 &&
      this.#extents.scan({ value, from: start, stopsAtFirst: true, places }) >= 0;
    if (!isEarlier) return start;
    // Backward every place where some match begins is seen; the last one seen is the leftmost.
    this.#beginnings ??= new LinearAutomaton(this.#backward, {
      direction: "backward",
      isAnchored: false,
      cacheLimitBytes: this.#cacheLimitBytes,
    });
    return this.#beginnings.scan({ value, from: value.length, stopsAtFirst: false });
  }

  #anchored(direction: "forward" | "backward"): LinearAutomaton {
    const program = direction === "forward" ? this.#program : this.#backward;
    const cacheLimitBytes = this.#cacheLimitBytes;
    return new LinearAutomaton(program, { direction, isAnchored: true, cacheLimitBytes });
  }

  get #backward(): LinearProgram {
    return (this.#backwardProgram ??= compileLinear(this.#pattern, "backward"));
  }
}
