/**
 * Finds the shortest text that some patterns match and others do not, breadth first over what the patterns tell apart. It gives
 * up after so much work, which proves nothing: the finding then has no example.
 */
import type { TextTest } from "./comparison.ts";
import { PatternWalk, type PatternPlace } from "./pattern-walk.ts";
import { TEXT_LIMIT, type WantedTest, type WantedText } from "./wanted-text.ts";

/**
 * Instructions of patterns run by single characters, of all searches of one proof together: some 50 ms. Raised, it is time that a
 * hostile pack takes when it is looked at.
 */
const WORK_LIMIT = 500_000;
/** Texts tried that lead to the same place in all patterns: one may be a written text, which is a class of its own. */
const TRIES_LIMIT = 3;

/** In the order in which a reader would like to see them: letters, digits, what stands in names and paths, the rest. */
const CHARACTERS: readonly string[] = [
  ...Array.from("abcdefghijklmnopqrstuvwxyz0123456789/-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
  ...Array.from(" !\"#$%&'()*+,:;<=>?@[\\]^`{|}~\n"),
  ...Array.from("éßñЖ漢ア한\u{1f600}\u{e000}"),
];

interface Step {
  readonly text: string;
  readonly places: readonly PatternPlace[];
}

export class PatternSearch {
  readonly #walks = new Map<string, PatternWalk>();
  #work = 0;

  find(wanted: WantedText): string | undefined {
    const tests = searchedOf(wanted);
    const walks = tests.map(({ test }) => this.#walkOf(patternOf(test)));
    const { key: text } = wanted.textClass;
    if (this.#work > WORK_LIMIT || text.length > TEXT_LIMIT) return undefined;
    const alphabet = this.#alphabetOf(walks);
    const start = walks.map(({ start: place }) => place);
    const first: Step = {
      text,
      places: Array.from(text).reduce(
        (places, character) => this.#step(walks, places, character),
        start,
      ),
    };
    const tries = new Map<string, number>();
    const open = [first];
    for (const step of open) {
      const isFound = step.places.every(({ isMatch }, at) => isMatch === tests[at]?.holds);
      if (isFound && wanted.isMetBy(step.text, { all: false })) return step.text;
      for (const character of alphabet) {
        if (this.#work > WORK_LIMIT) return undefined;
        const places = this.#step(walks, step.places, character);
        const key = places.map((place) => place.key).join(" ");
        const tried = tries.get(key) ?? 0;
        if (tried >= TRIES_LIMIT || isHopeless(places, tests)) continue;
        tries.set(key, tried + 1);
        open.push({ text: step.text + character, places });
      }
    }
    return undefined;
  }

  #step(
    walks: readonly PatternWalk[],
    places: readonly PatternPlace[],
    character: string,
  ): PatternPlace[] {
    for (const { size } of walks) this.#work += size;
    return walks.map((walk, at) => walk.step(places[at] as PatternPlace, character));
  }

  #walkOf(source: string): PatternWalk {
    const walk = this.#walks.get(source) ?? new PatternWalk(source);
    this.#walks.set(source, walk);
    return walk;
  }

  /** One character for each combination of answers that the patterns can give to a single character. */
  #alphabetOf(walks: readonly PatternWalk[]): string[] {
    const sets = walks.flatMap((walk) => walk.sets);
    this.#work += sets.length * CHARACTERS.length;
    const found = new Map<string, string>();
    for (const character of CHARACTERS) {
      const answers = sets.map((set) => (set.test(character) ? "1" : "0")).join("");
      if (!found.has(answers)) found.set(answers, character);
    }
    return [...found.values()];
  }
}

/** A pattern that must not match has matched, whatever follows. */
function isHopeless(places: readonly PatternPlace[], tests: readonly WantedTest[]): boolean {
  return places.some(({ isSettled }, at) => isSettled && tests[at]?.holds === false);
}

/** What the search steers by; everything else is only asked of what it finds. */
function searchedOf({ tests, suffix, isSuffixCared }: WantedText): WantedTest[] {
  const searched = tests.filter(
    ({ test, holds, isCared }) =>
      isCared && (test.operator === "MATCHES" || (test.operator === "CONTAINS" && holds)),
  );
  if (!isSuffixCared || suffix === "") return searched;
  return [
    ...searched,
    { test: { operator: "ENDS_WITH", text: suffix }, holds: true, isCared: true },
  ];
}

function patternOf(test: TextTest): string {
  if (test.operator === "MATCHES") return test.text;
  const text = "text" in test ? test.text : "";
  const literal = text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
  return test.operator === "ENDS_WITH" ? `${literal}$` : literal;
}
