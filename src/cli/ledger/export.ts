/** `portcullis ledger export`: an audit report over a ledger's directory, for people or for machines. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Option, type Command } from "commander";
import { gatherReport } from "../../ledger/report/gather-report.ts";
import { renderHtml } from "../../ledger/report/render-html.ts";
import { renderMarkdown } from "../../ledger/report/render-markdown.ts";
import type { Report } from "../../ledger/report/report.ts";
import { reportDocument } from "../../ledger/report/report-document.ts";
import { toVerificationReport } from "../../ledger/report/verification-report.ts";
import { readOutsideCheckpoint } from "../../ledger/verify/outside-checkpoint.ts";
import { verifyLedger } from "../../ledger/verify/verify-ledger.ts";
import { timeArgument } from "./time-argument.ts";

interface ExportOptions {
  readonly since?: number;
  readonly until?: number;
  readonly format: "md" | "html" | "json";
  readonly output?: string;
  readonly publicKey?: string[];
  readonly checkpoint?: string[];
}

/** A report names callers: it is for whoever asked for it. */
const FILE_MODE = 0o600;

export function addLedgerExport(ledger: Command): void {
  ledger
    .command("export <directory>")
    .description("Verify a ledger and write an audit report. Exits with 1 when it is not proven.")
    .option("--since <time>", "from this time on, or as long ago: 2026-11-22, 7d", timeArgument)
    .option("--until <time>", "before this time", timeArgument)
    .addOption(new Option("--format <format>").choices(["md", "html", "json"]).default("md"))
    .option("-o, --output <file>", "write to a file; default: standard output")
    .option("--public-key <key...>", "verifier keys to trust, as text or file")
    .option("--checkpoint <file...>", "checkpoints that were kept elsewhere")
    .action(exportReport);
}

async function exportReport(directory: string, options: ExportOptions): Promise<void> {
  const checkpoints = await Promise.all((options.checkpoint ?? []).map(readOutsideCheckpoint));
  const publicKeys = (options.publicKey ?? []).map(keyText);
  const verification = await verifyLedger(directory, { checkpoints, publicKeys });
  const report = await gatherReport({
    directory,
    sinceMs: options.since,
    untilMs: options.until,
    verification: toVerificationReport(verification),
    nowMs: Date.now(),
  });
  const text = rendered(report, options.format);
  if (options.output === undefined) process.stdout.write(text);
  else writeFileSync(options.output, text, { mode: FILE_MODE });
  if (verification.isProven) return;
  console.error(verification.conclusion);
  process.exitCode = 1;
}

const keyText = (key: string): string => (existsSync(key) ? readFileSync(key, "utf8").trim() : key);

function rendered(report: Report, format: ExportOptions["format"]): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case "html":
      return renderHtml(reportDocument(report));
    case "md":
      return renderMarkdown(reportDocument(report));
  }
}
