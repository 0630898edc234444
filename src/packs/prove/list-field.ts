/** One list of a request: absent, or there; and for each text that the packs look for in it, whether it holds that. */
import type { FieldName } from "../fields.ts";
import type { Answer } from "./answer.ts";
import { FALSE, type Diagrams, type Edge } from "./diagram.ts";

export class ListField {
  readonly field: FieldName;
  readonly isThere: Edge;
  /** Every variable that says the list holds something. */
  readonly #holding: Edge[] = [];
  readonly #elements = new Map<string, Edge>();
  readonly #diagrams: Diagrams;

  constructor(diagrams: Diagrams, field: FieldName) {
    this.#diagrams = diagrams;
    this.field = field;
    this.isThere = diagrams.variable(diagrams.addVariables(1));
  }

  addElement(text: string): void {
    const element = this.#diagrams.variable(this.#diagrams.addVariables(1));
    this.#elements.set(text, element);
    this.addHolding(element);
  }

  /** One more way of holding something; the texts of other fields may be in the list. */
  addHolding(holding: Edge): void {
    this.#holding.push(holding);
  }

  has(text: string): Answer {
    const element = this.#elements.get(text) as Edge;
    return { isThere: this.isThere, holds: this.#diagrams.and(this.isThere, element) };
  }

  /** There, and with something in it that the packs look for. */
  hasAny(): Edge {
    const any = this.#holding.reduceRight(
      (rest, holding) => this.#diagrams.or(holding, rest),
      FALSE,
    );
    return this.#diagrams.and(this.isThere, any);
  }

  /** What the packs look for and the request's list holds; undefined when it has no list. */
  elementsIn(values: Uint8Array): string[] | undefined {
    if (!this.#diagrams.has(this.isThere, values)) return undefined;
    return Array.from(this.#elements)
      .filter(([, element]) => this.#diagrams.has(element, values))
      .map(([text]) => text);
  }
}
