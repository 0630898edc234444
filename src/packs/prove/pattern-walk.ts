/**
 * Follows one pattern through a text a character at a time, so that a search can ask at each step whether the text so far matches.
 * `LinearPattern` answers for whole texts; this is the same machine, opened.
 */
import { compilePattern, type Program } from "../../patterns/pattern-program.ts";

/** Where a pattern stands after some characters. Equal keys mean that what follows is equal too. */
export interface PatternPlace {
  readonly key: string;
  /** Whether the text, if it ended here, would match. */
  readonly isMatch: boolean;
  readonly waiting: readonly number[];
  /** Something matched already: whatever follows, it stays so. */
  readonly isSettled: boolean;
}

export class PatternWalk {
  readonly #program: Program;
  /** Places that were reached before, by what they were reached from. */
  readonly #known = new Map<string, PatternPlace>();
  readonly start: PatternPlace;

  constructor(source: string) {
    this.#program = compilePattern(source);
    this.start = this.#placeOf([0], true);
  }

  /** How much work one step is, at most. */
  get size(): number {
    return this.#program.code.length;
  }

  /** What single characters the pattern tells apart. */
  get sets(): readonly RegExp[] {
    return this.#program.sets;
  }

  step(place: PatternPlace, character: string): PatternPlace {
    if (place.isSettled) return place;
    const key = `${character}${place.key}`;
    const next = this.#known.get(key) ?? this.#next(place, character);
    this.#known.set(key, next);
    return next;
  }

  #next(place: PatternPlace, character: string): PatternPlace {
    const { code, sets } = this.#program;
    // A match may begin at any character.
    const seeds = [0];
    for (const at of place.waiting) {
      const instruction = code[at];
      if (instruction?.op === "one" && sets[instruction.set]?.test(character)) seeds.push(at + 1);
    }
    return this.#placeOf(seeds, false);
  }

  #placeOf(seeds: readonly number[], isAtStart: boolean): PatternPlace {
    const here = this.#reach(seeds, { isAtStart, isAtEnd: false });
    const isMatch = here.isMatch || this.#reach(seeds, { isAtStart, isAtEnd: true }).isMatch;
    const waiting = [...here.waiting].sort((a, b) => a - b);
    const key = here.isMatch ? "!" : `${waiting.join()}${isMatch ? "$" : ""}`;
    return { key, isMatch, waiting, isSettled: here.isMatch };
  }

  /** All that is reached without another character. */
  #reach(
    seeds: readonly number[],
    where: { readonly isAtStart: boolean; readonly isAtEnd: boolean },
  ): { waiting: Set<number>; isMatch: boolean } {
    const seen = new Set<number>();
    const waiting = new Set<number>();
    let isMatch = false;
    const open = [...seeds];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
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
          break;
        case "one":
          waiting.add(at);
          break;
        case "match":
          isMatch = true;
          break;
        case undefined:
          break;
      }
    }
    return { waiting, isMatch };
  }
}
