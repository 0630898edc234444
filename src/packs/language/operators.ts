/** The words and signs of the language, in one place for the parser, the type check and their hints. */
import type { ComparisonOperator } from "../pack.ts";

export const COMPARISON_OPERATORS: ReadonlySet<string> = new Set<ComparisonOperator>([
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "IN",
  "STARTS_WITH",
  "ENDS_WITH",
  "CONTAINS",
  "MATCHES",
]);

const OPERATOR_WORDS = [...COMPARISON_OPERATORS].filter((operator) => /^[A-Z]/.test(operator));

/** Words that join or compare. */
export const RESERVED_WORDS: readonly string[] = ["OR", "AND", "NOT", ...OPERATOR_WORDS];
