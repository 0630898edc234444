/** One boolean of a request: absent, false or true. */
import type { FieldName } from "../fields.ts";
import { isAlwaysThere } from "./always-there.ts";
import type { Answer } from "./answer.ts";
import { ClassGroup } from "./class-group.ts";
import { FALSE, TRUE, type Diagrams } from "./diagram.ts";

export class BooleanField {
  readonly #group: ClassGroup;
  readonly #falseAt: number;
  /** "The field is true", as it stands alone in a rule. */
  readonly itself: Answer;

  constructor(diagrams: Diagrams, field: FieldName) {
    this.#falseAt = isAlwaysThere(field) ? 0 : 1;
    this.#group = new ClassGroup(diagrams, this.#falseAt + 2);
    this.itself = {
      isThere: this.#falseAt === 0 ? TRUE : this.#group.build([{ at: 0, edge: FALSE }], TRUE),
      holds: this.#group.build([{ at: this.#falseAt + 1, edge: TRUE }], FALSE),
    };
  }

  valueIn(values: Uint8Array): boolean | undefined {
    const at = this.#group.classOf(values) - this.#falseAt;
    return at < 0 ? undefined : at === 1;
  }
}
