/**
 * What is wrong with a configuration, said so that the operator can go there and mend it: place, rule, source line,
 * caret and hint. A diagnostic never holds the value of a variable or of a field that may be secret.
 */
import { toPrintable, type Excerpt, type SourceText } from "./source-text.ts";

/** Keys and list indexes from the root. */
export type ConfigPath = readonly (string | number)[];

/** Where a value of the effective configuration comes from. */
export type Origin =
  | {
      readonly kind: "file";
      readonly source: SourceText;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string }
  | { readonly kind: "default" };

export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** "portcullis.yaml:3:7", "environment variable JWT_ISSUER", "flag --bind" or "configuration". */
  readonly where: string;
  readonly file: string | undefined;
  /** One-based. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** Dotted, "" for the root: `limits.default.rate`, `routes[2].path`. */
  readonly path: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly excerpt: Excerpt | undefined;
}

/** A diagnostic before its excerpt is cut: all ranges to hide must be known first. */
export interface Finding {
  readonly severity?: "error" | "warning";
  readonly origin: Origin;
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** The path as text: `routes[2].path`, `issuers["a b"]`. */
export function printPath(path: ConfigPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\p{L}\p{N}_$-]+$/u.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** The origin in one word or two: "portcullis.yaml:3:7", "env JWT_ISSUER", "flag --bind", "default". */
export function printOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "file": {
      const { line, column } = origin.source.position(origin.start);
      return `${origin.source.name}:${line}:${column}`;
    }
    case "environment":
      return `env ${origin.name}`;
    case "flag":
      return `flag ${origin.name}`;
    case "default":
      return "default";
  }
}

function whereOf(origin: Origin): string {
  if (origin.kind === "environment") return `environment variable ${origin.name}`;
  return origin.kind === "default" ? "configuration" : printOrigin(origin);
}

export function toDiagnostic({
  severity = "error",
  origin,
  path,
  message,
  hint,
}: Finding): Diagnostic {
  const position = origin.kind === "file" ? origin.source.position(origin.start) : undefined;
  return {
    severity,
    where: toPrintable(whereOf(origin)),
    file: origin.kind === "file" ? origin.source.name : undefined,
    line: position?.line,
    column: position?.column,
    path: toPrintable(printPath(path)),
    message: toPrintable(message),
    hint: hint === undefined ? undefined : toPrintable(hint),
    excerpt: origin.kind === "file" ? origin.source.excerpt(origin) : undefined,
  };
}

/** More than anyone reads; a file that is wrong throughout would otherwise hold up a reload with its messages. */
const DEFAULT_DIAGNOSTIC_LIMIT = 500;

/** In reading order: files line by line, then variables and flags in the order found; cut at the limit. */
export function toDiagnostics(findings: readonly Finding[]): Diagnostic[] {
  const sorted = [...findings].sort((a, b) => byPlace(a.origin, b.origin));
  const diagnostics = sorted.slice(0, DEFAULT_DIAGNOSTIC_LIMIT).map(toDiagnostic);
  const left = sorted.length - diagnostics.length;
  if (left > 0)
    diagnostics.push(
      toDiagnostic({ origin: { kind: "default" }, path: [], message: `${left} more mistakes` }),
    );
  return diagnostics;
}

function byPlace(a: Origin, b: Origin): number {
  if (a.kind !== "file" || b.kind !== "file")
    return Number(a.kind !== "file") - Number(b.kind !== "file");
  return a.source.name.localeCompare(b.source.name, "en") || a.start - b.start;
}

const STYLES = { red: "31", yellow: "33", blue: "36", bold: "1" } as const;

/** Diagnostics as text for a terminal or a log, one block each and a count at the end. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  { color = false }: { color?: boolean } = {},
): string {
  const paint = (style: keyof typeof STYLES, text: string): string =>
    color ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
  const blocks = diagnostics.map((diagnostic) => {
    const label = paint(diagnostic.severity === "error" ? "red" : "yellow", diagnostic.severity);
    const at = diagnostic.path === "" ? "" : ` (${diagnostic.path})`;
    const lines = [`${paint("bold", diagnostic.where)}: ${label}: ${diagnostic.message}${at}`];
    if (diagnostic.excerpt) {
      const { line, text, caretAt, caretLength } = diagnostic.excerpt;
      const gutter = " ".repeat(String(line).length);
      lines.push(`  ${line} | ${text}`);
      lines.push(`  ${gutter} | ${" ".repeat(caretAt)}${paint("red", "^".repeat(caretLength))}`);
    }
    if (diagnostic.hint !== undefined) lines.push(`  ${paint("blue", "hint")}: ${diagnostic.hint}`);
    return lines.join("\n");
  });
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const counts = [countOf(errors, "error"), countOf(diagnostics.length - errors, "warning")];
  return [...blocks, counts.filter((count) => count !== "").join(", ")]
    .filter((block) => block !== "")
    .join("\n\n");
}

function countOf(count: number, noun: string): string {
  if (count === 0) return "";
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
