/** `portcullis pack keygen`: a new key that signs packs, in a file of its own. Never over a file that is there. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { createPackKey } from "../../packs/sign/keys.ts";
import { orUnknown } from "../ledger/exit.ts";

/** Whoever can read the key can sign other rules. */
const FILE_MODE = 0o600;

export function addPackKeygen(pack: Command): void {
  pack
    .command("keygen <file>")
    .description("Make a key that signs packs; prints the public key to hand out.")
    .option("--base64", "print the public key for POLICY_PUBKEY_PEM_B64")
    .action((file: string, { base64 }: { readonly base64?: true }) =>
      orUnknown(async () => keygen(file, base64 ?? false)),
    );
}

function keygen(file: string, isBase64: boolean): void {
  const { privatePem, publicPem } = createPackKey();
  try {
    writeFileSync(file, privatePem, { mode: FILE_MODE, flag: "wx", flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(
      `${file} is there already: a key that is lost can never sign again; take another name`,
      { cause: error },
    );
  }
  console.log(isBase64 ? Buffer.from(publicPem).toString("base64") : publicPem.trimEnd());
}
