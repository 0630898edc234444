/** `portcullis waf run-ftw`: the Core Rule Set's own regression tests against this engine, in this process. Exits with 1 when any fails. */
import type { Command } from "commander";
import { loadRuleSet } from "../../seclang/index.ts";
import { crsTestRules } from "../../seclang/ftw/crs-test-rules.ts";
import { runFtw, type FtwFailure, type FtwResult } from "../../seclang/ftw/run-ftw.ts";
import { eachArgument } from "../pack/verify.ts";
import { EXIT_DISPROVEN, orUnknown } from "../ledger/exit.ts";

interface RunFtwOptions {
  readonly rules: string;
  readonly setup?: string;
  readonly only?: readonly string[];
  readonly json?: true;
}

/** Whether a test passes must not depend on how busy the machine is. */
const BUDGET_MICROS = 60_000_000;
const SHOWN_FAILURES = 50;
const SHOWN_RULES = 12;

export function addWafRunFtw(waf: Command): void {
  waf
    .command("run-ftw <directory>")
    .description("Run regression tests of the Core Rule Set. Exits with 1 when any fails.")
    .requiredOption("--rules <source>", "crs:DIRECTORY of the rules that the tests are of")
    .option("--setup <file>", "their set-up file; default: the one beside the rules, if any")
    .option(
      "--only <id>",
      "the test, or all tests of the rule, of that id; may be repeated",
      eachArgument,
    )
    .option("--json", "a line of JSON for each failure, then one with the counts")
    .action((directory: string, options: RunFtwOptions) =>
      orUnknown(() => runTests(directory, options)),
    );
}

async function runTests(
  directory: string,
  { rules, setup, only, json }: RunFtwOptions,
): Promise<void> {
  const sources = crsTestRules({
    directory: rules.replace(/^crs:/, ""),
    ...(setup !== undefined && { setUpFile: setup }),
  });
  const engine = loadRuleSet({ sources }).policy({ budgetMicros: BUDGET_MICROS });
  const isWanted = (id: string): boolean =>
    only === undefined || only.some((one) => id === one || id.startsWith(`${one}-`));
  const result = await runFtw({ directory, engine, only: isWanted });
  console.log(json ? jsonText(result) : textOf(result));
  if (result.failed > 0) process.exitCode = EXIT_DISPROVEN;
}

/** The last line is the result; scripts read it. */
function jsonText({ failures, passed, failed, skipped }: FtwResult): string {
  const lines = failures.map((failure) => JSON.stringify(failure));
  return [...lines, JSON.stringify({ passed, failed, skipped })].join("\n");
}

function textOf({ passed, failed, skipped, refusedByServer, failures }: FtwResult): string {
  const left = failures.length - SHOWN_FAILURES;
  const run = passed + failed;
  const share = run === 0 ? "" : ` (${((100 * passed) / run).toFixed(2)} % of ${run})`;
  return [
    ...failures.slice(0, SHOWN_FAILURES).map(failureText),
    ...(left > 0 ? [`and ${left} more failures; --json has them all`] : []),
    `${passed} passed${share}, ${failed} failed, ${skipped} skipped`,
    ...(refusedByServer > 0
      ? [
          `of those passed, ${refusedByServer} are refused by any strict server before a rule sees them`,
        ]
      : []),
  ].join("\n");
}

function failureText({ id, file, description, reasons, logged }: FtwFailure): string {
  const rules = logged.slice(0, SHOWN_RULES).join(" ");
  const more = logged.length > SHOWN_RULES ? ` and ${logged.length - SHOWN_RULES} more` : "";
  return [
    `FAIL  ${id} (${file})${description === "" ? "" : `: ${description}`}`,
    ...reasons.map((reason) => `      ${reason}`),
    `      rules that logged: ${rules === "" ? "none" : rules}${more}`,
  ].join("\n");
}
