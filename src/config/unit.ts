/**
 * What a unit is: a zod type from text to meaning that carries, for editors and documents, its pattern and examples,
 * and says on refusal how to write it right.
 */
import { z } from "zod";

/** A text that is not of its kind. `message` names the rule, `hint` the way out. */
export class UnitError extends Error {
  override readonly name = "UnitError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

interface UnitDefinition<T> {
  /** With its article: "a duration". */
  readonly what: string;
  readonly parse: (text: string) => T;
  /** For editors: a superset of what `parse` takes, as a JSON Schema pattern. */
  readonly pattern: string;
  readonly examples: readonly [string, ...string[]];
  /** How a parsed default reads when it is shown to people. */
  readonly print?: (value: T) => string;
}

/** A zod type whose input is text and whose output is what the text means. */
export type Unit<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

const PRINTERS = new Map<string, (value: unknown) => string>();

/** Writes a parsed value of the unit called `what` back as an operator would write it, where that is defined. */
export function printUnit(what: string, value: unknown): unknown {
  if (typeof value === "string") return value;
  return PRINTERS.get(what)?.(value) ?? value;
}

/** Declares a unit. */
export function defineUnit<T>({
  what,
  parse,
  pattern,
  examples,
  print,
}: UnitDefinition<T>): Unit<T> {
  if (print) PRINTERS.set(what, print as (value: unknown) => string);
  const expected = `expected ${what}, written as text such as ${quoteAll(examples)}`;
  return z
    .string({ error: expected })
    .transform((text, context) => {
      try {
        return parse(text);
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        context.addIssue({
          code: "custom",
          message: error.message,
          params: { hint: error.hint ?? `for example ${quoteAll(examples)}` },
          input: text,
        });
        return z.NEVER;
      }
    })
    .meta({ unit: what, pattern, examples: [...examples] });
}

function quoteAll(examples: readonly string[]): string {
  return examples.map((example) => `"${example}"`).join(" or ");
}
