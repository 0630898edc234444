/** `portcullis ledger join`: one signed note over the newest checkpoints of several streams, to be kept elsewhere. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { joinStreams } from "../../ledger/join-streams.ts";
import { readSigningKey } from "../../ledger/signing-key.ts";
import { STREAMS_SUFFIX } from "../../ledger/verify/outside-checkpoint.ts";
import { publicKeysOf } from "./arguments.ts";
import { orUnknown } from "./exit.ts";

interface JoinCommandOptions {
  readonly key: string;
  readonly origin: string;
  readonly output: string;
  readonly publicKey?: string[];
}

export function addLedgerJoin(ledger: Command): void {
  ledger
    .command("join <directory...>")
    .description("Sign one note over the newest checkpoints of several streams.")
    .requiredOption("--key <file>", "the PEM of whoever joins; see keygen")
    .requiredOption("-o, --output <file>", `the note; the list goes to <file>${STREAMS_SUFFIX}`)
    .option("--origin <name>", "name of the key", "fleet")
    .option("--public-key <key...>", "verifier keys of the streams; default: their own")
    .action((directories: string[], options: JoinCommandOptions) =>
      orUnknown(() => join(directories, options)),
    );
}

async function join(directories: readonly string[], options: JoinCommandOptions): Promise<void> {
  const { origin, output } = options;
  const key = readSigningKey(readFileSync(options.key, "utf8"), origin);
  const { note, streams } = await joinStreams({
    directories,
    signer: key.signer,
    publicKeys: publicKeysOf(options.publicKey),
  });
  writeFileSync(output + STREAMS_SUFFIX, streams);
  writeFileSync(output, note);
  console.log(
    `${output}: ${directories.length} streams; verify with --join-key ${key.verifierKey}`,
  );
}
