/** `portcullis ledger verify-proof`: checks a proof with nothing but a public key, and shows the line it proves. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { verifyTlogProof, type ProvenLine } from "../../ledger/tlog-proof.ts";
import { publicKeysOf } from "./arguments.ts";
import { EXIT_DISPROVEN, orUnknown } from "./exit.ts";

interface VerifyProofOptions {
  readonly publicKey: string[];
  readonly json?: true;
}

export function addLedgerVerifyProof(ledger: Command): void {
  ledger
    .command("verify-proof <file>")
    .description("Check a proof. Exits with 0 when proven, 1 when not, 2 when unreadable.")
    .requiredOption("--public-key <key...>", "verifier keys to trust, as text or file")
    .option("--json", "print the proven line alone")
    .action((file: string, options: VerifyProofOptions) =>
      orUnknown(async () => verifyProof(file, options)),
    );
}

function verifyProof(file: string, { publicKey, json }: VerifyProofOptions): void {
  const text = readFileSync(file, "utf8");
  const keys = publicKeysOf(publicKey);
  let proven: ProvenLine;
  try {
    proven = verifyTlogProof(text, keys);
  } catch (error) {
    console.error(`${file}: NOT PROVEN: ${(error as Error).message}`);
    process.exitCode = EXIT_DISPROVEN;
    return;
  }
  const { line, checkpoint, verified } = proven;
  if (json) {
    console.log(JSON.stringify(line.value));
    return;
  }
  console.log(
    `${file}: proven: line ${line.seq} of ${checkpoint.origin}, in the tree of ${checkpoint.size} lines signed by ${verified.join(", ")}`,
  );
  console.log(JSON.stringify(line.value, undefined, 2));
}
