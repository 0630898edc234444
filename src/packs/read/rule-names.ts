/** The one name space of bits and wires. A name is taken once, and only names in it can be referred to. */
import type { Origin } from "../../config/diagnostic.ts";
import { nearest } from "../../config/nearest.ts";
import { quoted } from "../language/quoted.ts";
import type { Findings } from "./findings.ts";
import type { PlacedText } from "./mapping.ts";

const ID = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** With more names than this no similar one is looked for: comparing costs the product of all lengths. */
const HINT_LIMIT_NAMES = 1_000;

export interface Reference {
  readonly kind: "bit" | "wire";
  readonly id: string;
}

export class RuleNames {
  readonly #references = new Map<string, Reference>();
  readonly #origins = new Map<string, Origin>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Takes the name for a bit or a wire; undefined when it cannot be, which is found. */
  declare(kind: "bit" | "wire", { text: id, origin }: PlacedText): string | undefined {
    if (!ID.test(id)) {
      this.#findings.add(origin, {
        code: "pack.bad_id",
        message: `${quoted(id)} is no id`,
        hint: "a letter, then up to 63 letters, digits and underscores (ASCII)",
      });
      return undefined;
    }
    const first = this.#origins.get(id);
    if (first) {
      const line = first.kind === "file" ? first.source.position(first.start).line : 1;
      const message = `${id} is defined twice`;
      const hint = `the first is in line ${line}; bits and wires share one name space`;
      this.#findings.add(origin, { code: "pack.duplicate_id", message, hint });
      return undefined;
    }
    this.#references.set(id, { kind, id });
    this.#origins.set(id, origin);
    return id;
  }

  /** The bit or wire of this name; undefined when there is none, which is found. */
  resolve({ text: id, origin }: PlacedText): Reference | undefined {
    const reference = this.#references.get(id);
    if (reference || this.#findings.isFull) return reference;
    this.#findings.add(origin, {
      code: "pack.unknown_reference",
      message: `there is no bit or wire ${quoted(id)}`,
      hint: this.#hintFor(id),
    });
    return undefined;
  }

  #hintFor(id: string): string | undefined {
    if (id.includes("(")) return "NOT stands in a bit's logic or in a trigger";
    if (this.#references.size > HINT_LIMIT_NAMES) return undefined;
    const near = nearest(id, this.#references.keys());
    return near === undefined ? undefined : `did you mean ${near}?`;
  }
}
