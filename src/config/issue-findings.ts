/**
 * What a schema refused, as findings with places: each zod issue is led back to the line, variable or flag its value
 * came from, and what may be a secret is hidden before any line is shown.
 */
import type { z } from "zod";
import type { ConfigPath, Finding, Origin } from "./diagnostic.ts";
import { alternatives, kindOf } from "./issue-words.ts";
import { nearest } from "./nearest.ts";
import { isSensitiveAt, keysAt, metaOf, schemasAt, unwrap } from "./schema-walk.ts";
import { findNode, placeOf, type Found, type SourceNode } from "./source-node.ts";

type Issue = z.core.$ZodIssue;

export interface IssueContext {
  readonly schema: z.core.$ZodType;
  readonly root: SourceNode;
}

/** Every issue of one validation as findings. */
export function findingsOf(issues: readonly Issue[], context: IssueContext): Finding[] {
  const located = issues.flatMap((issue) => flatten(issue, []));
  for (const { path, isSensitive } of located) {
    if (isSensitive || isSensitiveAt(context.schema, path))
      hide(findNode(context.root, path), path);
  }
  return located.flatMap((issue) => toFindings(issue, context));
}

/** An issue with its whole path and, for unions, the one branch that was meant. */
interface LocatedIssue {
  readonly issue: Issue;
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string | undefined;
  readonly isSensitive: boolean;
}

function flatten(issue: Issue, prefix: ConfigPath): LocatedIssue[] {
  const path = [
    ...prefix,
    ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part)),
  ];
  if (issue.code === "invalid_union" && issue.errors.length > 0) return flattenUnion(issue, path);
  const params = issue.code === "custom" ? issue.params : undefined;
  const inner =
    issue.code === "invalid_key" || issue.code === "invalid_element" ? issue.issues : [];
  const message = inner.length > 0 ? inner.map((each) => each.message).join("; ") : issue.message;
  const hint: unknown = params?.["hint"];
  return [
    {
      issue,
      path,
      message,
      hint: typeof hint === "string" ? hint : undefined,
      isSensitive: params?.["isSensitive"] === true,
    },
  ];
}

/** A union fails in all its options; only the option that the value resembles is worth talking about. */
function flattenUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: ConfigPath,
): LocatedIssue[] {
  const options = issue.errors.map((issues) => issues.flatMap((each) => flatten(each, path)));
  const isOfWhole = (each: LocatedIssue): boolean =>
    each.path.length === path.length && each.issue.code !== "unrecognized_keys";
  const resembling = options
    .filter((option) => !option.some(isOfWhole))
    .sort((a, b) => a.length - b.length);
  const [best] = resembling;
  if (best) return best;
  const all = options.flat().filter(isOfWhole);
  const first = all.find(({ hint }) => hint !== undefined);
  return [
    {
      issue,
      path,
      message: [...new Set(all.map(({ message }) => message))].join("; or "),
      hint: first?.hint,
      isSensitive: all.some(({ isSensitive }) => isSensitive),
    },
  ];
}

function isMismatch({ code }: Issue): boolean {
  return code === "invalid_type" || code === "invalid_value" || code === "invalid_union";
}

function toFindings(located: LocatedIssue, context: IssueContext): Finding[] {
  const { issue, path } = located;
  const found = findNode(context.root, path);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(key, path, context));
  if (found.depth < path.length && isMismatch(issue)) return [missingKey(located, found, context)];
  const keyOrigin = issue.code === "invalid_key" ? found.keyOrigin : undefined;
  return [
    {
      origin: keyOrigin ?? placeOf(found),
      path,
      message: messageOf(located, found, context),
      hint: located.hint ?? hintOf(issue, found),
    },
  ];
}

function unknownKey(key: string, parent: ConfigPath, { schema, root }: IssueContext): Finding {
  const path = [...parent, key];
  const found = findNode(root, path);
  // The value of a mistyped key is of no use for the message, and may be a secret.
  hide(found, path);
  const known = keysAt(schema, parent);
  const near = nearest(key, known);
  const all = known.length > 0 && known.length <= 12 ? `keys here: ${known.join(", ")}` : undefined;
  return {
    origin: found.keyOrigin ?? placeOf(found),
    path,
    message: `unknown key "${key}"`,
    hint: near === undefined ? all : `did you mean "${near}"?`,
  };
}

function missingKey(
  { issue, path, message: said }: LocatedIssue,
  found: Found,
  { schema }: IssueContext,
): Finding {
  const isDiscriminator = issue.code === "invalid_union" && issue.errors.length === 0;
  const message = isDiscriminator ? discriminatorMessage(issue, schema, path) : said;
  const missing = path[found.depth];
  const at = path.slice(0, found.depth + 1);
  const descriptions = schemasAt(schema, at).map((each) => metaOf(each)["description"]);
  const description = descriptions.find((each) => typeof each === "string");
  const isLast = at.length === path.length;
  return {
    origin: found.keyOrigin ?? startOf(found.node.origin),
    path: at,
    message: `"${String(missing)}" is missing`,
    hint:
      [isLast ? message : undefined, description].filter((part) => part !== undefined).join(": ") ||
      undefined,
  };
}

function messageOf(
  { issue, message, path }: LocatedIssue,
  { node }: Found,
  { schema }: IssueContext,
): string {
  if (issue.code === "invalid_union" && issue.errors.length === 0)
    return discriminatorMessage(issue, schema, path);
  if (node.kind === "scalar" && node.value === null && isMismatch(issue))
    return `no value: ${message.replace(", found no value", "")}`;
  const isOwnWording = issue.code === "invalid_type" && !message.includes(", found ");
  return isOwnWording ? `${message}, found ${foundWords(node)}` : message;
}

function foundWords(node: SourceNode): string {
  if (node.kind === "list") return "a list";
  return node.kind === "map" ? "a mapping of keys" : kindOf(node.value);
}

/** The values a discriminator may have, read from the union's options. */
function discriminatorMessage(
  issue: Extract<Issue, { code: "invalid_union" }>,
  schema: z.core.$ZodType,
  path: ConfigPath,
): string {
  const values = [
    ...new Set(
      schemasAt(schema, path)
        .flatMap(unwrap)
        .flatMap((each) => {
          const { def } = (each as z.core.$ZodTypes)._zod;
          if (def.type === "literal") return [...def.values];
          return def.type === "enum" ? Object.values(def.entries) : [];
        }),
    ),
  ];
  return values.length > 0 ? `expected ${alternatives(values)}` : issue.message;
}

function hintOf(issue: Issue, { node }: Found): string | undefined {
  if (node.kind !== "scalar") return undefined;
  const { value } = node;
  if (issue.code === "invalid_value" && typeof value === "string") {
    const near = nearest(value, issue.values.map(String));
    return near === undefined ? undefined : `did you mean "${near}"?`;
  }
  if (issue.code !== "invalid_type" || value === null) return undefined;
  if (issue.expected === "boolean" && /^(?:yes|no|on|off|y|n)$/i.test(String(value)))
    return "YAML 1.2 knows true and false only";
  if (issue.expected === "string" && typeof value !== "string")
    return "put it in quotes if it is text";
  if (issue.expected === "array") return 'a list is written "[a, b]" or one "- a" on each line';
  return undefined;
}

function hide({ node, depth }: Found, path: ConfigPath): void {
  if (depth === path.length && node.origin.kind === "file") node.origin.source.hide(node.origin);
}

/** One character of a range: a caret under a whole mapping says nothing. */
function startOf(origin: Origin): Origin {
  return origin.kind === "file" ? { ...origin, end: origin.start + 1 } : origin;
}
