/**
 * Remembers what rule texts say, so that a text is read once for all loads. A text that differs in one byte, or bears another
 * name, is another text; one with a fault is never remembered.
 */
import { createHash } from "node:crypto";
import type { Directive } from "../parse/ast.ts";
import { parseSecLang, type ParsedSecLang, type SecLangSource } from "../parse/parse-seclang.ts";

/** What tells the text from all others, and its directives. */
export type ParsedText = readonly [key: string, directives: readonly Directive[]];

export class ParsedTexts {
  readonly #known: ReadonlyMap<string, readonly Directive[]>;
  readonly #read = new Map<string, readonly Directive[]>();

  /** `known`: what an earlier load has read. */
  constructor(known: readonly ParsedText[] = []) {
    this.#known = new Map(known);
  }

  /** As `parseSecLang`. */
  parse(source: SecLangSource): ParsedSecLang {
    const key = keyOf(source);
    const known = this.#known.get(key);
    const parsed = known === undefined ? parseSecLang(source) : { directives: known, faults: [] };
    if (parsed.faults.length === 0) this.#read.set(key, parsed.directives);
    return parsed;
  }

  /** The texts of this load, to be kept on disk. */
  get texts(): readonly ParsedText[] {
    return [...this.#read];
  }

  /** Whether this load has read just the texts that were known. */
  get isUnchanged(): boolean {
    return (
      this.#read.size === this.#known.size &&
      [...this.#read.keys()].every((key) => this.#known.has(key))
    );
  }
}

function keyOf({ file, text }: SecLangSource): string {
  return `${createHash("sha256").update(text).digest("hex")} ${file}`;
}
