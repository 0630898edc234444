/**
 * Matches a pattern, a schema's or a policy's, in time linear in the text, whatever the pattern: all ways to match advance together,
 * and nothing is ever tried twice. The engine's own RegExp would let one caller's string hold the process for minutes.
 */
import { compilePattern, type Program } from "./pattern-program.ts";

/** A set of places in the program that the text so far can have reached, and where each next character leads. */
interface State {
  /** Instructions waiting for the next code point or for the end. Empty: nothing can match any more. */
  readonly waiting: readonly number[];
  readonly isMatch: boolean;
  readonly isMatchAtEnd: boolean;
  readonly ascii: (State | undefined)[];
  readonly others: Map<number, State>;
}

/** Remembered states and steps beyond ASCII; some 5 MB a pattern. When used up the memory starts anew. */
const MEMORY_LIMIT = 4_096;
/**
 * Instructions visited for one text besides remembered steps, about 10 ms. Only patterns with large counted repetitions
 * come near it; a text that takes more gets no answer, because raised it is time an attacker can spend.
 */
const WORK_LIMIT = 1_000_000;

export class LinearPattern {
  readonly #source: string;
  readonly #program: Program;
  readonly #hasEnd: boolean;
  readonly #marks: Uint32Array;
  #mark = 0;
  #states = new Map<string, State>();
  #remembered = 0;
  #initial: State | undefined;
  #work = 0;

  /** Throws `PatternRefused` for a pattern that cannot be matched this way. */
  constructor(source: string) {
    this.#source = source;
    this.#program = compilePattern(source);
    this.#hasEnd = this.#program.code.some(({ op }) => op === "end");
    this.#marks = new Uint32Array(this.#program.code.length);
  }

  /**
   * Whether the pattern matches somewhere in the text, as `RegExp.prototype.test` with flag `u` says. A text that takes
   * more than the limit of work does not match: right where "no" refuses, and nowhere else.
   */
  test(text: string): boolean {
    return this.match(text) === true;
  }

  /**
   * As `test`, but undefined for a text that takes more than the limit of work: nobody knows whether it matches. A limit
   * of one's own is in visited instructions, a hundred thousand of which take about a millisecond.
   */
  match(text: string, workLimit: number = WORK_LIMIT): boolean | undefined {
    this.#work = 0;
    let state = (this.#initial ??= this.#stateOf([0], true));
    for (let i = 0; i < text.length; i++) {
      if (state.isMatch) return true;
      if (state.waiting.length === 0) return false;
      if (this.#work > workLimit) return undefined;
      const unit = text.charCodeAt(i);
      if (unit < 128) {
        state = state.ascii[unit] ?? this.#learn(state, unit);
      } else {
        const point = text.codePointAt(i) as number;
        if (point > 0xffff) i++;
        state = state.others.get(point) ?? this.#learn(state, point);
      }
    }
    return state.isMatch || state.isMatchAtEnd;
  }

  /** The validator tells patterns apart by this text. */
  toString(): string {
    return `/${this.#source}/u`;
  }

  #learn(from: State, point: number): State {
    if (++this.#remembered > MEMORY_LIMIT) {
      this.#remembered = 0;
      this.#states = new Map();
      this.#initial = undefined;
    }
    const next = this.#step(from, point);
    if (point < 128) from.ascii[point] = next;
    else from.others.set(point, next);
    return next;
  }

  #step(from: State, point: number): State {
    const { code, sets } = this.#program;
    const character = String.fromCodePoint(point);
    const verdicts: (boolean | undefined)[] = [];
    // A match may begin at any character: the first instruction always starts again.
    const seeds = [0];
    for (const at of from.waiting) {
      const instruction = code[at];
      if (instruction?.op !== "one") continue;
      verdicts[instruction.set] ??= (sets[instruction.set] as RegExp).test(character);
      if (verdicts[instruction.set]) seeds.push(at + 1);
    }
    this.#work += from.waiting.length;
    return this.#stateOf(seeds, false);
  }

  #stateOf(seeds: readonly number[], isAtStart: boolean): State {
    const { waiting, isMatch } = this.#closure(seeds, { isAtStart, isAtEnd: false });
    const isMatchAtEnd = this.#hasEnd && this.#closure(seeds, { isAtStart, isAtEnd: true }).isMatch;
    waiting.sort((a, b) => a - b);
    const key = `${waiting.join()}${isMatch ? "!" : ""}${isMatchAtEnd ? "$" : ""}`;
    const known = this.#states.get(key);
    if (known) return known;
    const ascii = Array.from<State | undefined>({ length: 128 });
    const state: State = { waiting, isMatch, isMatchAtEnd, ascii, others: new Map() };
    this.#states.set(key, state);
    return state;
  }

  /** Everything that is reached from the seeds without reading a character. */
  #closure(
    seeds: readonly number[],
    where: { readonly isAtStart: boolean; readonly isAtEnd: boolean },
  ): { waiting: number[]; isMatch: boolean } {
    const mark = ++this.#mark;
    const waiting: number[] = [];
    let isMatch = false;
    const open = [...seeds];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (this.#marks[at] === mark) continue;
      this.#marks[at] = mark;
      this.#work++;
      const instruction = this.#program.code[at];
      switch (instruction?.op) {
        case "jump":
          open.push(instruction.to);
          break;
        case "split":
          open.push(instruction.a, instruction.b);
          break;
        case "start":
          if (where.isAtStart) open.push(at + 1);
          break;
        case "end":
          if (where.isAtEnd) open.push(at + 1);
          waiting.push(at);
          break;
        case "match":
          isMatch = true;
          break;
        case "one":
        case undefined:
          waiting.push(at);
      }
    }
    return { waiting, isMatch };
  }
}
