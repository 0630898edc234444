/** `portcullis pack test`: a pack held against written cases. Exits with 1 when any comes out otherwise than expected. */
import type { Command } from "commander";
import { readCases } from "../../packs/cases/read-cases.ts";
import { runCases, type CaseResult } from "../../packs/cases/run-cases.ts";
import { EXIT_DISPROVEN, orUnknown } from "../ledger/exit.ts";
import { readPackFile } from "./diff.ts";
import { readArgument } from "./verify.ts";

export function addPackTest(pack: Command): void {
  pack
    .command("test <file> <cases>")
    .description("Put the cases of a YAML file to a pack. Exits with 1 when any fails.")
    .option("--json", "print JSON")
    .action((file: string, cases: string, options: { readonly json?: true }) =>
      orUnknown(() => test(file, cases, options)),
    );
}

async function test(
  file: string,
  casesFile: string,
  { json }: { readonly json?: true },
): Promise<void> {
  const pack = await readPackFile(file);
  const text = (await readArgument(casesFile)).bytes.toString("utf8");
  const results = runCases(pack, readCases(casesFile, text), casesFile);
  const failed = results.filter(({ differences }) => differences.length > 0);
  if (json) console.log(JSON.stringify(results.map(jsonOf), undefined, 2));
  else {
    const counts = `${results.length - failed.length} passed, ${failed.length} failed`;
    console.log([...results.map((result) => textOf(result, casesFile)), counts].join("\n"));
  }
  if (failed.length > 0) process.exitCode = EXIT_DISPROVEN;
}

const jsonOf = ({ case: { name, line }, decision, differences }: CaseResult): object => ({
  name,
  line,
  passed: differences.length === 0,
  decision,
  differences,
});

function textOf({ case: { name, line }, decision, differences }: CaseResult, file: string): string {
  if (differences.length === 0) return `pass  ${name}: ${decision.output}`;
  const lines = differences.map(
    ({ of, expected, got }) => `      ${of}: ${expected} expected, ${got} got`,
  );
  const chain = `      by ${decision.chain.join(" > ")}`;
  return [`FAIL  ${name} (${file}:${line})`, ...lines, chain].join("\n");
}
