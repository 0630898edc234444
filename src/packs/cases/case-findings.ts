/** What is wrong with a file of cases or with a context, by place, so that its author sees all of it at once. */
import type { Origin } from "../../config/diagnostic.ts";
import { toPrintable, type SourceText } from "../../config/source-text.ts";
import type { SourceNode } from "../../config/source-node.ts";
import { parseYaml } from "../../config/yaml-source.ts";

export type CaseErrorCode =
  | "cases.bad_yaml"
  | "cases.wrong_type"
  | "cases.unknown_field"
  | "cases.missing_field"
  | "cases.field_twice"
  | "cases.bad_time"
  | "cases.no_time";

export interface CaseFinding {
  readonly code: CaseErrorCode;
  readonly message: string;
  /** One-based. */
  readonly line: number;
  readonly column: number;
}

/** A file that is not taken: nothing was tried. */
export class CasesRefused extends Error {
  override readonly name = "CasesRefused";
  readonly code: CaseErrorCode;
  /** In reading order; at least one. */
  readonly findings: readonly CaseFinding[];

  constructor(source: string, findings: readonly [CaseFinding, ...CaseFinding[]]) {
    const lines = findings.map(
      ({ line, column, message }) => `${source}:${line}:${column}: ${message}`,
    );
    super(lines.join("\n"));
    this.code = findings[0].code;
    this.findings = findings;
  }
}

export class CaseFindings {
  readonly #source: SourceText;
  readonly #found: CaseFinding[] = [];

  constructor(source: SourceText) {
    this.#source = source;
  }

  add(origin: Origin, code: CaseErrorCode, message: string): void {
    const start = origin.kind === "file" ? origin.start : 0;
    const place = this.#source.position(start);
    this.#found.push({ code, message: toPrintable(message), ...place });
  }

  /** Throws `CasesRefused` when anything was found. */
  refuseIfAny(): void {
    const [first, ...others] = this.#found.toSorted(
      (a, b) => a.line - b.line || a.column - b.column,
    );
    if (first) throw new CasesRefused(this.#source.name, [first, ...others]);
  }
}

/** The text's tree; a file that is no sound YAML is refused at once. JSON is YAML. */
export function parsedOrRefused(source: SourceText, findings: CaseFindings): SourceNode {
  const { node, findings: faults } = parseYaml(source);
  for (const { origin, message } of faults) findings.add(origin, "cases.bad_yaml", message);
  findings.refuseIfAny();
  return node as SourceNode;
}
