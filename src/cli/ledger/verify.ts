/** `portcullis ledger verify`: proves a ledger's directory, or says which line is damaged and how. Changes nothing. */
import type { Command } from "commander";
import type { Finding } from "../../ledger/verify/finding.ts";
import { readOutsideCheckpoint } from "../../ledger/verify/outside-checkpoint.ts";
import type { Verification } from "../../ledger/verify/verification.ts";
import { verifyLedger } from "../../ledger/verify/verify-ledger.ts";
import { countArgument, publicKeysOf } from "./arguments.ts";
import { EXIT_DISPROVEN, orUnknown } from "./exit.ts";

interface VerifyCommandOptions {
  readonly from?: number;
  readonly to?: number;
  readonly checkpoint?: string[];
  readonly publicKey?: string[];
  readonly joinKey?: string[];
  readonly json?: true;
}

export function addLedgerVerify(ledger: Command): void {
  ledger
    .command("verify <directory>")
    .description("Prove a ledger. Exits with 0 when proven, 1 when damaged, 2 when unreadable.")
    .option("--from <seq>", "only lines from this one on", countArgument)
    .option("--to <seq>", "only lines up to this one", countArgument)
    .option("--checkpoint <file...>", "checkpoints or joins that were kept elsewhere")
    .option("--public-key <key...>", "verifier keys to trust, as text or file; default: its own")
    .option("--join-key <key...>", "verifier keys of whoever signed the joins")
    .option("--json", "print JSON")
    .action((directory: string, options: VerifyCommandOptions) =>
      orUnknown(() => verify(directory, options)),
    );
}

async function verify(directory: string, options: VerifyCommandOptions): Promise<void> {
  const verification = await verifyLedger(directory, {
    publicKeys: publicKeysOf(options.publicKey),
    joinKeys: publicKeysOf(options.joinKey),
    checkpoints: await Promise.all((options.checkpoint ?? []).map(readOutsideCheckpoint)),
    fromSeq: options.from,
    toSeq: options.to,
  });
  if (!verification.isProven) process.exitCode = EXIT_DISPROVEN;
  if (options.json) console.log(JSON.stringify(verification, undefined, 2));
  else console.log(textOf(directory, verification));
}

function textOf(directory: string, verification: Verification): string {
  const { isProven, conclusion, segments, lines, checkpoints, publicKeys, findings } = verification;
  const more = verification.moreFindings > 0 ? [`and ${verification.moreFindings} more`] : [];
  return [
    `${directory}: ${isProven ? "proven" : "NOT PROVEN"}`,
    conclusion,
    `Read: ${lines} lines in ${segments} segments; ${checkpoints.verified} signed checkpoints of ${publicKeys.join(", ")}; ${checkpoints.outside} outside checkpoints agree.`,
    ...checkpoints.notCompared.map((name) => `Not compared: ${name}`),
    ...findings.map(findingLine),
    ...more,
  ].join("\n");
}

/** `00000001.ndjson:12: line 23: line_altered: ...` */
function findingLine({ kind, file, line, seq, lastSeq, message }: Finding): string {
  const place = file === undefined || file === "" ? [] : [line ? `${file}:${line}` : file];
  const range = lastSeq === undefined ? `line ${seq}` : `lines ${seq} to ${lastSeq}`;
  return [...place, ...(seq === undefined ? [] : [range]), kind, message].join(": ");
}
