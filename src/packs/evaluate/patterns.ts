/** The patterns of one pack, each compiled once. They keep what they learn about texts, never the texts. */
import { LinearPattern } from "../../patterns/linear-pattern.ts";

export class Patterns {
  readonly #bySource = new Map<string, LinearPattern>();

  /** The pattern was tried when the pack was read: it compiles. */
  of(source: string): LinearPattern {
    const pattern = this.#bySource.get(source) ?? new LinearPattern(source);
    this.#bySource.set(source, pattern);
    return pattern;
  }
}
