/** Counts the patterns of a pack: each one remembers what it has seen of requests, and requests come from strangers. */
import type { Origin } from "../../config/diagnostic.ts";
import type { Expression } from "../pack.ts";
import type { Findings } from "./findings.ts";

/** Different patterns of one pack. Each holds up to some 5 MB; raised, texts made for it fill the memory. */
const PATTERN_LIMIT = 128;

export class PatternCount {
  readonly #patterns = new Set<string>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  add(expression: Expression, origin: Origin): void {
    const before = this.#patterns.size;
    this.#collect(expression);
    if (before > PATTERN_LIMIT || this.#patterns.size <= PATTERN_LIMIT) return;
    const message = `more than ${PATTERN_LIMIT} different patterns`;
    const hint = "most patterns are a STARTS_WITH, an ENDS_WITH or an IN";
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
        if (expression.operator === "MATCHES" && expression.right.kind === "literal")
          this.#patterns.add(String(expression.right.value));
        return;
      case "literal":
      case "field":
        return;
    }
  }
}
