/** `portcullis ledger consistency`: proves that a newer checkpoint only continues an older one. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { proveConsistency, ProveError } from "../../ledger/prove.ts";
import { NoteError } from "../../ledger/signed-note.ts";
import { publicKeysFor } from "./arguments.ts";
import { EXIT_DISPROVEN, orUnknown } from "./exit.ts";

interface ConsistencyCommandOptions {
  readonly publicKey?: string[];
  readonly json?: true;
}

export function addLedgerConsistency(ledger: Command): void {
  ledger
    .command("consistency <directory> <older> <newer>")
    .description("Prove that one checkpoint continues another: files of signed notes.")
    .option("--public-key <key...>", "verifier keys to trust, as text or file; default: its own")
    .option("--json", "print JSON with the proof")
    .action((directory: string, older: string, newer: string, options: ConsistencyCommandOptions) =>
      orUnknown(() => consistency(directory, [older, newer], options)),
    );
}

async function consistency(
  directory: string,
  [older, newer]: readonly [string, string],
  { publicKey, json }: ConsistencyCommandOptions,
): Promise<void> {
  const notes = { older: readFileSync(older, "utf8"), newer: readFileSync(newer, "utf8") };
  const vkeys = publicKeysFor(directory, publicKey);
  try {
    const proven = await proveConsistency({ directory, ...notes, vkeys });
    const proof = proven.proof.map((hash) => hash.toString("base64"));
    const sizes = { older: proven.older.size, newer: proven.newer.size };
    if (json) console.log(JSON.stringify({ origin: proven.newer.origin, ...sizes, proof }));
    else console.log(`consistent: the first ${sizes.older} of ${sizes.newer} lines are the same`);
  } catch (error) {
    if (!isDisproof(error)) throw error;
    console.error(`NOT CONSISTENT: ${(error as Error).message}`);
    process.exitCode = EXIT_DISPROVEN;
  }
}

/** Lines that were removed prove nothing either way. */
function isDisproof(error: unknown): boolean {
  return (
    error instanceof NoteError || (error instanceof ProveError && error.code !== "prove.removed")
  );
}
