/** What an assignment wants of one text, and whether a text is so. */
import type { TextTest } from "./comparison.ts";
import type { Assignment } from "./diagram.ts";
import { isSendable } from "./sendable.ts";
import type { TextClass, TextField } from "./text-field.ts";

/** A test, the answer it should give, and whether it matters which. */
export interface WantedTest {
  readonly test: TextTest;
  readonly holds: boolean;
  readonly isCared: boolean;
}

/** Characters of a text in an example: nobody reads more, and looking at each takes time. */
export const TEXT_LIMIT = 2_048;

export class WantedText {
  readonly field: TextField;
  /** A written text, or others with this beginning. */
  readonly textClass: TextClass;
  readonly suffix: string;
  /** Written parts that are wanted in it, whatever its beginning and ending hold. */
  readonly parts: readonly string[];
  /** Of parts and patterns. */
  readonly tests: readonly WantedTest[];
  readonly isClassCared: boolean;
  readonly isSuffixCared: boolean;

  constructor(field: TextField, textClass: TextClass, assignment: Assignment) {
    const { values, cared } = assignment;
    const { suffixes, parts } = field.variables;
    this.field = field;
    this.textClass = textClass;
    this.suffix = field.suffixes[suffixes?.classOf(values) ?? 0] ?? "";
    this.parts = [...parts].filter(([, at]) => values[at] === 1).map(([part]) => part);
    this.isClassCared = field.group.isCared(cared);
    this.isSuffixCared = suffixes?.isCared(cared) ?? false;
    this.tests = this.#testsFor(assignment);
  }

  /** Whether the text is as wanted where that matters; with `all`, everywhere. */
  isMetBy(text: string, { all }: { readonly all: boolean }): boolean {
    const { field } = this;
    if (text.length > TEXT_LIMIT || !isSendable(field.field, text)) return false;
    const isOfClass = field.classOf(text) === this.textClass;
    if (this.textClass.isPoint) return isOfClass;
    if (!isOfClass && (all || this.isClassCared)) return false;
    if (field.suffixOf(text) !== this.suffix && (all || this.isSuffixCared)) return false;
    return this.tests.every(
      ({ test, holds, isCared }) => (!all && !isCared) || field.puts(test, text) === holds,
    );
  }

  #testsFor({ values, cared }: Assignment): WantedTest[] {
    const { needs, variables } = this.field;
    const implying = [this.textClass.key, this.suffix, ...this.parts];
    const parts = Array.from(variables.parts, ([text, at]): WantedTest => ({
      test: { operator: "CONTAINS", text },
      holds: implying.some((within) => within.includes(text)),
      isCared: cared[at] === 1,
    }));
    const opaque = Array.from(variables.opaque, ([key, at]): WantedTest => ({
      test: needs.opaque.get(key) as TextTest,
      holds: values[at] === 1,
      isCared: cared[at] === 1,
    }));
    return [...parts, ...opaque];
  }
}
