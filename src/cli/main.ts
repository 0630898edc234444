/** The command line: `portcullis <command>`. Each command lives in a file of its own; this one only lists them. */
import { Command } from "commander";
import { addCheck } from "./check.ts";
import { addConfig } from "./config.ts";
import { addDemo } from "./demo/command.ts";
import { addDoctor } from "./doctor.ts";
import { addExplain } from "./explain.ts";
import { addGenerate } from "./generate.ts";
import { addKey } from "./key.ts";
import { addKill } from "./kill/command.ts";
import { addLedger } from "./ledger/command.ts";
import { VERSION } from "./observation.ts";
import { addPack } from "./pack/command.ts";
import { addPolicyProxy } from "./policy-proxy/command.ts";
import { addRun } from "./run.ts";
import { addSchema } from "./schema.ts";
import { addWaf } from "./waf/command.ts";

const program = new Command("portcullis")
  .description("The secure front door for machine-learning inference.")
  .version(VERSION)
  // So that a command may have an option --version of its own.
  .enablePositionalOptions()
  .showHelpAfterError();

for (const add of [
  addRun,
  addCheck,
  addConfig,
  addSchema,
  addKey,
  addKill,
  addLedger,
  addPack,
  addPolicyProxy,
  addWaf,
  addDemo,
  addDoctor,
  addExplain,
  addGenerate,
])
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
