/** Counts the patterns of a pack: each one takes time and remembers what it has seen, and texts come from strangers. */
import type { Origin } from "../../config/diagnostic.ts";
import type { Expression } from "../pack.ts";
import type { Findings } from "./findings.ts";

/**
 * Comparisons by `MATCHES` in one pack. A pattern holds up to some 5 MB and takes up to a millisecond; raised, texts made
 * for it fill the memory and hold the process.
 */
const PATTERN_LIMIT = 128;

export class PatternCount {
  #patterns = 0;
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  add(expression: Expression, origin: Origin): void {
    const before = this.#patterns;
    this.#collect(expression);
    if (before > PATTERN_LIMIT || this.#patterns <= PATTERN_LIMIT) return;
    const message = `more than ${PATTERN_LIMIT} comparisons by MATCHES`;
    const hint = "most of them can be written with STARTS_WITH, ENDS_WITH or IN";
    this.#findings.add(origin, { code: "pack.too_many", message, hint });
  }

  #collect(expression: Expression): void {
    switch (expression.kind) {
      case "and":
      case "or":
        for (const side of expression.of) this.#collect(side);
        return;
      case "not":
        this.#collect(expression.of);
        return;
      case "compare":
        if (expression.operator === "MATCHES") this.#patterns++;
        return;
      case "literal":
      case "field":
        return;
    }
  }
}
