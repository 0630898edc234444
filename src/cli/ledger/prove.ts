/** `portcullis ledger prove`: writes the proof that one line is in the ledger, to be checked by someone without it. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { proveLine } from "../../ledger/prove.ts";
import { countArgument, publicKeysFor } from "./arguments.ts";
import { orUnknown } from "./exit.ts";

interface ProveCommandOptions {
  readonly output?: string;
  readonly checkpoint?: string;
  readonly publicKey?: string[];
}

/** A proof holds the line, and a line names callers. */
const FILE_MODE = 0o600;

export function addLedgerProve(ledger: Command): void {
  ledger
    .command("prove <directory> <seq>")
    .description("Prove that a line is in the ledger: writes a C2SP tlog-proof.")
    .option("-o, --output <file>", "write to a file; default: standard output")
    .option("--checkpoint <file>", "prove against this checkpoint; default: the next in the ledger")
    .option("--public-key <key...>", "verifier keys to trust, as text or file; default: its own")
    .action((directory: string, seq: string, options: ProveCommandOptions) =>
      orUnknown(() => prove(directory, countArgument(seq), options)),
    );
}

async function prove(directory: string, seq: number, options: ProveCommandOptions): Promise<void> {
  const { output, checkpoint, publicKey } = options;
  const text = await proveLine({
    directory,
    seq,
    vkeys: publicKeysFor(directory, publicKey),
    note: checkpoint === undefined ? undefined : readFileSync(checkpoint, "utf8"),
  });
  if (output === undefined) process.stdout.write(text);
  else writeFileSync(output, text, { mode: FILE_MODE });
}
