/**
 * Operators that compare a value with an argument which may hold macros; a macro that was not expanded must never be
 * compared as text, since such a rule would silently stop matching.
 */
import type { ByteString } from "../byte-string.ts";
import type { OperatorCompiler } from "./operator.ts";

/** Whether the text holds a macro, `%{...}`. */
export function hasMacro(argument: ByteString): boolean {
  const open = argument.indexOf("%{");
  return open !== -1 && argument.includes("}", open);
}

/** The argument as it is at run time. */
export function requireExpanded(expanded: ByteString | undefined): ByteString {
  if (expanded === undefined) throw new Error("an operator's macros were not expanded");
  return expanded;
}

/** Compares the value with the argument. */
type Comparison = (value: ByteString, argument: ByteString) => boolean;

/** An operator that compares; the argument is constant or expanded for each transaction. */
export function comparing(matches: Comparison): OperatorCompiler {
  return (argument) =>
    hasMacro(argument)
      ? {
          expands: true,
          test: (value, expanded) => matches(value, requireExpanded(expanded)),
        }
      : { test: (value) => matches(value, argument) };
}

/** As `comparing`, for a comparison that can only be true when the value holds the argument, byte for byte. */
export function comparingPart(matches: Comparison): OperatorCompiler {
  const compile = comparing(matches);
  return (argument, tools) => {
    const operator = compile(argument, tools);
    if (operator.expands === true || argument === "") return operator;
    return { ...operator, mandatory: [argument] };
  };
}
