/** Finds the rules of a set that a `ctl` names. What many rules name, as the exclusions of the Core Rule Set do, is looked for once. */
import { chooses, type Choosable, type RuleChoice } from "./rule-choice.ts";

export class RuleIndex {
  readonly #rules: readonly Choosable[];
  readonly #found = new Map<string, readonly number[]>();

  /** `rules`: all of the set, in their order. */
  constructor(rules: readonly Choosable[]) {
    this.#rules = rules;
  }

  /** The positions of the rules, ascending. Throws `PatternRefused` for a pattern that cannot be read. */
  indexesOf(choice: RuleChoice): readonly number[] {
    const key = JSON.stringify(choice);
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const isChosen = chooses(choice);
    const indexes = [...this.#rules.keys()].filter((at) => isChosen(this.#rules[at] as Choosable));
    this.#found.set(key, indexes);
    return indexes;
  }
}
