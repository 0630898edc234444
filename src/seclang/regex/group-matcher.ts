/**
 * Finds the match PCRE would find, with its groups, in time linear in the value: it tries what PCRE tries in the same
 * order, but nothing twice at the same place. It must be told where to look; in large values it gives up, which is said.
 */
import { CONTEXT, contextOf, holdsBetween, type Context } from "./byte-context.ts";
import type { MatchSpan } from "./linear-matcher.ts";
import { compileWithGroups, OPCODE, type LinearProgram } from "./linear-program.ts";
import type { Pattern } from "./pattern-tree.ts";

/**
 * Pairs of instruction and place that one search may visit: a quarter of a megabyte of marks, some 30 ms at worst.
 * Raised, an attacker whose long value matches a rule with groups buys more of both.
 */
const VISITS_LIMIT = 2_097_152;

/** At twice a group's number where it begins, then where it ends; -1 where it took no part. Group 0 is the match. */
export type GroupPlaces = readonly number[];

/** Stands for an instruction when the one before could not go on. */
const FAILED = -1;

interface Trail {
  readonly slots: number[];
  /** Pairs of what else to try: an instruction and its place, or `-1 - slot` and the place to put back there. */
  readonly open: number[];
}

/** Marks of the search under way, shared by all matchers: searches never overlap. */
let marks = new Uint32Array(0);

export class GroupMatcher {
  /** Pairs of instruction and place visited so far. */
  visits = 0;
  readonly #program: LinearProgram;
  readonly #slotCount: number;

  readonly #stepsLimit: number | undefined;

  /**
   * Throws `PatternRefused` as `compileLinear` does. With a limit of steps nothing is remembered: everything is tried
   * again as a backtracking engine would, and after so many steps nothing matches any more. That is for counting.
   */
  constructor(pattern: Pattern, stepsLimit?: number) {
    this.#stepsLimit = stepsLimit;
    this.#program = compileWithGroups(pattern);
    this.#slotCount = 2 * (pattern.captureCount + 1);
  }

  /** The leftmost match inside the window; undefined if there is none, `tooLarge` if the window is more than can be searched. */
  match(value: string, window: MatchSpan): GroupPlaces | undefined | "tooLarge" {
    const width = window.end - window.start + 1;
    const pairs = width * this.#program.opcodes.length;
    if (this.#stepsLimit === undefined) {
      if (pairs > VISITS_LIMIT) return "tooLarge";
      clearMarks(pairs);
    }
    const trail = { slots: Array.from({ length: this.#slotCount }, () => -1), open: [] };
    for (let start = window.start; start <= window.end; start++) {
      if (this.#matchesAt(value, window, { start, trail })) return trail.slots;
    }
    return undefined;
  }

  #matchesAt(
    value: string,
    window: MatchSpan,
    { start, trail }: { readonly start: number; readonly trail: Trail },
  ): boolean {
    const { opcodes, firsts, seconds } = this.#program;
    const size = opcodes.length;
    const { slots, open } = trail;
    const stepsLimit = this.#stepsLimit;
    let what = this.#program.start;
    let place = start;
    for (;;) {
      const isOver =
        stepsLimit === undefined
          ? isMarked((place - window.start) * size + what)
          : this.visits >= stepsLimit;
      if (isOver) what = FAILED;
      else {
        this.visits++;
        const first = firsts[what] as number;
        const second = seconds[what] as number;
        switch (opcodes[what] as number) {
          case OPCODE.split:
            open.push(second, place);
            what = first;
            break;
          case OPCODE.bytes:
            what = place < window.end && this.#isIn(second, value, place) ? first : FAILED;
            place++;
            break;
          case OPCODE.save:
            open.push(-1 - second, slots[second] as number);
            slots[second] = place;
            what = first;
            break;
          case OPCODE.match:
            slots[0] = start;
            slots[1] = place;
            return true;
          default:
            what = this.#holds(what, value, place) ? first : FAILED;
        }
      }
      while (what < 0) {
        if (open.length === 0) return false;
        place = open.pop() as number;
        what = open.pop() as number;
        if (what < 0) slots[-1 - what] = place;
      }
    }
  }

  #isIn(set: number, value: string, place: number): boolean {
    const { sets, classOf } = this.#program;
    return sets[set]?.[classOf[value.charCodeAt(place) & 0xff] as number] === 1;
  }

  /** Whether an instruction that takes no byte lets the search pass. */
  #holds(what: number, value: string, place: number): boolean {
    const second = this.#program.seconds[what] as number;
    if (this.#program.opcodes[what] === OPCODE.notNext) {
      return place >= value.length || !this.#isIn(second, value, place);
    }
    const assertion = this.#program.assertions[second];
    if (assertion === undefined) return false;
    return holdsBetween(assertion, contextAt(value, place - 1), contextAt(value, place));
  }
}

function contextAt(value: string, place: number): Context {
  const isInside = place >= 0 && place < value.length;
  return isInside ? contextOf(value.charCodeAt(place) & 0xff) : CONTEXT.edge;
}

function clearMarks(pairs: number): void {
  const words = (pairs >>> 5) + 1;
  if (words > marks.length) marks = new Uint32Array(words);
  else marks.fill(0, 0, words);
}

/** Whether the pair was marked before; it is now. */
function isMarked(pair: number): boolean {
  const word = marks[pair >>> 5] as number;
  const bit = 1 << (pair & 31);
  marks[pair >>> 5] = word | bit;
  return (word & bit) !== 0;
}
