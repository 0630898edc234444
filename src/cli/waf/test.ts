/**
 * `portcullis waf test`: why a request would be refused: every rule that matches it, on which field and transformed value.
 * It sends nothing, and shows no value of a field whose name says that it is a credential.
 */
import type { Command } from "commander";
import { EXIT_DISPROVEN, orUnknown } from "../ledger/exit.ts";
import { paranoiaArgument, positiveArgument } from "./arguments.ts";
import { fieldKindsOf, withFields, type FieldOptions } from "./field-options.ts";
import { loadRules, withRules, type RulesOption } from "./rules-option.ts";
import { reportJson, reportText } from "./report-text.ts";
import { readRequest, type RequestOptions } from "./told-request.ts";
import { tryRequest, watchingPolicy } from "./try-request.ts";

interface TestOptions extends RulesOption, RequestOptions, FieldOptions {
  readonly paranoia?: number;
  readonly thresholdIn?: number;
  readonly reveal?: true;
  readonly json?: true;
}

export function addWafTest(waf: Command): void {
  const command = waf
    .command("test")
    .description(
      "Show every rule that a request matches, and the verdict. Exits with 1 when refused.",
    );
  withFields(withRules(command))
    .option("--request <file>", "raw HTTP/1.1, or JSON; - for standard input")
    .option("--curl <command>", "a curl command line")
    .option(
      "--paranoia <level>",
      "paranoia level, 1 to 4; default: the rules' own",
      paranoiaArgument,
    )
    .option("--threshold-in <points>", "anomaly score that refuses", positiveArgument)
    .option("--reveal", "show values of fields that are named like credentials")
    .option("--json", "print JSON")
    .action((options: TestOptions) => orUnknown(() => test(options)));
}

async function test(options: TestOptions): Promise<void> {
  const request = await readRequest(options);
  const { set } = await loadRules(options.rules);
  const { paranoia, thresholdIn } = options;
  const fields = await fieldKindsOf(options);
  const policy = watchingPolicy(set, { paranoia, thresholdIn, fields });
  const report = await tryRequest(policy, request);
  const told = { request, report, isRevealing: options.reveal ?? false };
  console.log(options.json ? JSON.stringify(reportJson(told), undefined, 2) : reportText(told));
  if (report.wouldInterrupt ?? report.interruption) process.exitCode = EXIT_DISPROVEN;
}
