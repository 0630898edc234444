/**
 * `portcullis pack reload | promote | rollback | drop`: asks the running gateway on this machine. They decide nothing:
 * the gateway verifies, and says what it did.
 */
import { Option, type Command } from "commander";
import { EXIT_DISPROVEN, orUnknown } from "../ledger/exit.ts";
import { callOperator, DEFAULT_OPERATOR, plain } from "./operator-call.ts";

interface OperateOptions {
  readonly operator: string;
  readonly stage?: string;
  readonly json?: true;
}

export function addOperate(pack: Command): void {
  addOperation(pack, "reload", "Load the active pack's files again, or a candidate's.").addOption(
    new Option("--stage <stage>", "which files, and as what")
      .choices(["active", "next", "canary"])
      .default("active"),
  );
  addOperation(pack, "promote", "Make the candidate the active pack.");
  addOperation(pack, "rollback", "Make the previous pack the active one again.");
  addOperation(pack, "drop", "Take the candidate out of service.").addOption(
    new Option("--stage <stage>", "as what it was loaded")
      .choices(["next", "canary"])
      .makeOptionMandatory(),
  );
}

function addOperation(pack: Command, name: string, description: string): Command {
  return pack
    .command(name)
    .description(`${description} Exits with 1 when the gateway refuses.`)
    .option("--operator <url>", "the gateway's operator address", DEFAULT_OPERATOR)
    .option("--json", "print what the gateway answers")
    .action((options: OperateOptions) => orUnknown(() => operate(name, options)));
}

async function operate(name: string, { operator, stage, json }: OperateOptions): Promise<void> {
  const query = stage === undefined ? "" : `?stage=${stage}`;
  const { status, members } = await callOperator(operator, "POST", `/_${name}${query}`);
  if (status !== 200) process.exitCode = EXIT_DISPROVEN;
  if (json) {
    console.log(JSON.stringify(members, undefined, 2));
    return;
  }
  const { id, version, blake3, code, message } = members;
  if (status === 200)
    console.log(`${plain(members["stage"])}: ${plain(id)} ${plain(version)} ${plain(blake3)}`);
  else console.error(`refused: ${plain(code)}\n${plain(message)}`);
}
