/** `portcullis pack lint`: what can be proven of a pack that its author may not have meant. Needs no signature and no gateway. */
import type { Command } from "commander";
import { graveFindings } from "../../packs/prove/acknowledge.ts";
import type { ExampleRequest } from "../../packs/prove/example.ts";
import { lintPack, type LintFinding } from "../../packs/prove/lint.ts";
import { nameOfFinding } from "../../packs/prove/lint-finding.ts";
import { readPack } from "../../packs/read/read-pack.ts";
import { EXIT_DISPROVEN } from "../ledger/exit.ts";
import { eachArgument, orRefused, readArgument } from "./verify.ts";

interface LintOptions {
  readonly acknowledge?: readonly string[];
  readonly json?: true;
}

export function addPackLint(pack: Command): void {
  pack
    .command("lint <file>")
    .description("Prove what a pack lets in, keeps out and never does. Exits with 1 when grave.")
    .option("--acknowledge <name>", "a grave finding that is meant; may be repeated", eachArgument)
    .option("--json", "print JSON")
    .action((file: string, options: LintOptions) => orRefused(file, () => lint(file, options)));
}

async function lint(file: string, { acknowledge = [], json }: LintOptions): Promise<void> {
  const findings = lintPack(readPack((await readArgument(file)).bytes));
  const open = graveFindings(findings, acknowledge);
  const unknown = open.filter((finding) => !findings.includes(finding));
  const lines = [...findings, ...unknown].map((finding) => ({
    name: nameOfFinding(finding),
    finding,
    isOpen: open.includes(finding),
  }));
  if (json) console.log(JSON.stringify(lines.map(jsonOf), undefined, 2));
  else {
    const notices = findings.filter(({ severity }) => severity === "notice").length;
    const acknowledged = lines.length - open.length - notices;
    const counts = `${open.length} grave, ${acknowledged} acknowledged, ${notices} notices`;
    console.log([`${file}: ${counts}`, ...lines.map(textOf)].join("\n\n"));
  }
  if (open.length > 0) process.exitCode = EXIT_DISPROVEN;
}

interface Line {
  readonly name: string;
  readonly finding: LintFinding;
  readonly isOpen: boolean;
}

const jsonOf = ({ name, finding, isOpen }: Line): object => ({
  name,
  ...finding,
  acknowledged: finding.severity === "grave" && !isOpen,
});

function textOf({ name, finding, isOpen }: Line): string {
  const { severity, message, example, line } = finding;
  const grade = severity === "notice" ? "notice" : isOpen ? "GRAVE" : "acknowledged";
  const place = line === 0 ? "" : `, line ${line}`;
  const shown = example ? [`  example: ${requestText(example)} -> ${example.output}`] : [];
  return [`${grade} ${name}${place}`, `  ${message}`, ...shown].join("\n");
}

/** As a case of `pack test` writes it. */
export function requestText({ context, nowSeconds }: ExampleRequest): string {
  const now = nowSeconds === undefined ? "" : ` at ${new Date(nowSeconds * 1_000).toISOString()}`;
  return `${JSON.stringify(context)}${now}`;
}
