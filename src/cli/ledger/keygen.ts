/** `portcullis ledger keygen`: a new signing key in a file of its own. Never over a file that is there. */
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Command } from "commander";
import { createSigningKeyPem, readSigningKey } from "../../ledger/signing-key.ts";
import { orUnknown } from "./exit.ts";

/** Whoever can read the key can sign another history. */
const FILE_MODE = 0o600;

export function addLedgerKeygen(ledger: Command): void {
  ledger
    .command("keygen <file>")
    .description("Make a signing key; prints the verifier key to hand out.")
    .option("--origin <id>", "the setting ledger.gateway, which names the key", hostname())
    .action((file: string, { origin }: { readonly origin: string }) =>
      orUnknown(async () => keygen(file, origin)),
    );
}

function keygen(file: string, origin: string): void {
  const pem = createSigningKeyPem();
  // Before the file is made: an origin that cannot name a key leaves nothing behind.
  const { verifierKey } = readSigningKey(pem, origin);
  try {
    writeFileSync(file, pem, { mode: FILE_MODE, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(
      `${file} is there already: a key that is lost can never sign again; take another name`,
      { cause: error },
    );
  }
  console.log(verifierKey);
}
