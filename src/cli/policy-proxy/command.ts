/**
 * `portcullis policy-proxy`: the second barrier, behind an edge, from environment variables alone. Nothing starts on half
 * of them: all that is missing or malformed is said at once.
 */
import type { Command } from "commander";
import { renderDiagnostics } from "../../config/diagnostic.ts";
import type { Environment } from "../../config/environment.ts";
import { makeOwnKey, ownKeyPath } from "./key.ts";
import { policyProxySource, printVariables, problemsOf } from "./source.ts";
import { serve } from "../run.ts";

interface PolicyProxyOptions {
  readonly printConfig?: true;
}

export function addPolicyProxy(program: Command): void {
  program
    .command("policy-proxy")
    .description("Run a gateway behind an edge, from environment variables alone.")
    .option("--print-config", "print the configuration that the variables make, and end")
    .action((options: PolicyProxyOptions) => run(process.env, options));
}

async function run(env: Environment, { printConfig }: PolicyProxyOptions): Promise<void> {
  const problems = await problemsOf(env);
  if (problems.length > 0) {
    console.error(renderDiagnostics(problems, { color: process.stderr.isTTY }));
    process.exitCode = 1;
    return;
  }
  if (printConfig) {
    process.stdout.write(await printVariables(env));
    return;
  }
  if (env["LEDGER_SIGNING_KEY"] === undefined) makeKeyAloud(env["LEDGER_PATH"] as string);
  if (env["EDGE_PEERS"] === undefined) console.error(NO_EDGE);
  await serve(policyProxySource(env));
}

const NO_EDGE =
  "warning: no edge is known (EDGE_CA_PATH, EDGE_PEERS): what a proxy in front says of its callers counts for nothing, " +
  "so rules about mtls, transport, user and auth see none of it";

function makeKeyAloud(directory: string): void {
  const verifierKey = makeOwnKey(directory);
  if (verifierKey === undefined) return;
  console.error(
    `made the key that signs the ledger: ${ownKeyPath(directory)} (mode 0600; keep a copy elsewhere).\n` +
      `Hand out its verifier key: ${verifierKey}`,
  );
}
