/**
 * The words for what a schema refuses, in the operator's terms and without the value. Schemas may bring words of their
 * own; these stand in for zod's.
 */
import type { z } from "zod";

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping of keys",
  record: "a mapping of keys",
  null: "no value",
};

/** What a value of the file is, with its article. */
export function kindOf(value: unknown): string {
  if (value === null) return "no value";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping of keys";
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" ? "a number" : "text";
}

type Raw<Code extends string> = Extract<z.core.$ZodRawIssue, { code: Code }>;

/** Zod's error map for a whole parse; what a schema says of itself comes first. */
export function wordIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") return wordType(issue);
  if (issue.code === "invalid_value") return `expected ${alternatives(issue.values)}`;
  if (issue.code === "too_small" || issue.code === "too_big") return wordBound(issue);
  if (issue.code === "not_multiple_of")
    return issue.divisor === 1
      ? "must be a whole number"
      : `must be a multiple of ${issue.divisor}`;
  if (issue.code === "invalid_format")
    return `not ${FORMATS[issue.format] ?? `of the form ${issue.format}`}`;
  return issue.code === "invalid_key" ? "not a name that may stand here" : undefined;
}

function wordType({ expected, input }: Raw<"invalid_type">): string {
  const words = KINDS[expected] ?? expected;
  return input === undefined ? `expected ${words}` : `expected ${words}, found ${kindOf(input)}`;
}

function wordBound(issue: Raw<"too_small"> | Raw<"too_big">): string {
  const isSmall = issue.code === "too_small";
  const limit = String(isSmall ? issue.minimum : issue.maximum);
  const bound = isSmall ? "at least" : "at most";
  const plural = limit === "1" ? 0 : 1;
  if (issue.origin === "string")
    return `must have ${bound} ${limit} ${["character", "characters"][plural]}`;
  if (issue.origin === "array" || issue.origin === "set")
    return `must have ${bound} ${limit} ${["entry", "entries"][plural]}`;
  if (issue.inclusive === false) return `must be ${isSmall ? "more" : "less"} than ${limit}`;
  return `must be ${bound} ${limit}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  url: "a URL",
  email: "an e-mail address",
  regex: "of the expected form",
  date: "a date such as 2027-03-31",
  datetime: "a time such as 2027-03-31T00:00:00Z",
  starts_with: "of the expected form: it begins otherwise",
  ends_with: "of the expected form: it ends otherwise",
  includes: "of the expected form: a part is missing",
};

/** "a", "b" or "c". */
export function alternatives(values: readonly unknown[]): string {
  const words = values.map((value) => (typeof value === "string" ? `"${value}"` : String(value)));
  const last = words.pop() ?? "nothing";
  return words.length === 0 ? last : `${words.join(", ")} or ${last}`;
}
