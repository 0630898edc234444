/** `portcullis pack verify`: whether a pack would be taken now, by these keys, and if not, why. Changes nothing. */
import type { Command } from "commander";
import { readBounded } from "../../config/read-bounded.ts";
import { PackRefused } from "../../packs/pack-error.ts";
import type { Pack } from "../../packs/pack.ts";
import { readPack } from "../../packs/read/read-pack.ts";
import { readPublicKey } from "../../packs/sign/keys.ts";
import { checkRelease, type PackIdentity } from "../../packs/sign/release.ts";
import { openPack, type OpenedPack, type PackTrust } from "../../packs/sign/trust.ts";
import { countArgument } from "../ledger/arguments.ts";
import { EXIT_DISPROVEN, orUnknown } from "../ledger/exit.ts";

/** More than any signature, pack or key may have; their readers know the exact limits. */
const FILE_LIMIT_BYTES = 4_194_304;

interface VerifyOptions {
  readonly key: string[];
  readonly yaml?: string;
  readonly dsse?: true;
  readonly threshold?: number;
  readonly json?: true;
}

export function addPackVerify(pack: Command): void {
  pack
    .command("verify <file>")
    .description("Check pack.json or an envelope. Exits with 0 when good, 1 when refused.")
    .requiredOption("--key <file>", "a public key to trust; may be repeated", eachArgument)
    .option("--yaml <file>", "the pack that pack.json signs")
    .option("--dsse", "the file must be an envelope; default: it must be a pack.json")
    .option(
      "--threshold <number>",
      "how many keys must have signed an envelope; default: all that are given",
      countArgument,
    )
    .option("--json", "print JSON")
    .action((file: string, options: VerifyOptions) =>
      orRefused(file, () => verify(file, options), options.yaml),
    );
}

/**
 * Runs a command about a pack; a refusal is said with its codes and exits with 1, whatever else is thrown with 2. Lines
 * are of the YAML, which may stand in a file of its own.
 */
export function orRefused(
  file: string,
  act: () => Promise<void>,
  yaml: string = file,
): Promise<void> {
  return orUnknown(async () => {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof PackRefused)) throw error;
      console.error(refusalText(file, yaml, error));
      process.exitCode = EXIT_DISPROVEN;
    }
  });
}

/** An option that may be repeated. */
export function eachArgument(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** A file that is named on the command line, with the permission bits of the very file that was read. */
export async function readArgument(
  path: string,
): Promise<{ readonly bytes: Buffer; readonly mode: number }> {
  try {
    return await readBounded(path, FILE_LIMIT_BYTES);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

export async function readPublicKeys(paths: readonly string[]): Promise<PackTrust["keys"]> {
  const files = await Promise.all(paths.map(readArgument));
  return files.map(({ bytes }) => readPublicKey(bytes.toString("latin1")));
}

async function verify(file: string, options: VerifyOptions): Promise<void> {
  const keys = await readPublicKeys(options.key);
  const form = options.dsse ? "dsse" : "pack_json";
  const threshold = options.threshold ?? (options.dsse ? keys.length : 1);
  const { bytes: signature } = await readArgument(file);
  const yaml = options.yaml === undefined ? {} : { yaml: (await readArgument(options.yaml)).bytes };
  const opened = openPack({ signature, ...yaml }, { form, keys, threshold });
  const pack = readPack(opened.bytes);
  const identity = checkRelease(pack, opened, { nowMs: Date.now() });
  if (options.json) console.log(jsonText(identity, opened, pack.release));
  else console.log(`${file}: good\n${plainText(identity, opened, pack.release)}`);
}

function jsonText(
  { id, version, blake3 }: PackIdentity,
  { signerIds: signers }: OpenedPack,
  release: Pack["release"],
): string {
  return JSON.stringify({ id, version, blake3, signers, release }, undefined, 2);
}

function plainText(
  { id, version, blake3 }: PackIdentity,
  { signerIds }: OpenedPack,
  release: Pack["release"],
): string {
  return [
    `id       ${id}`,
    `version  ${version}`,
    `blake3   ${blake3}`,
    ...signerIds.map((signer) => `signer   ${signer}`),
    `release  ${release === undefined ? "none" : releaseText(release)}`,
  ].join("\n");
}

function releaseText(release: NonNullable<Pack["release"]>): string {
  const [from, until] = [release.notBeforeMs, release.expiresMs].map((ms) =>
    new Date(ms).toISOString(),
  );
  const replaces = release.prev === undefined ? "" : `, replaces ${release.prev}`;
  return `${release.name} ${release.version}, from ${from} until ${until}${replaces}`;
}

/** `pack.yaml:12:9: pack.bad_id: message (hint)`, a line for each finding. */
function refusalText(file: string, yaml: string, { findings }: PackRefused): string {
  return findings
    .map(({ code, message, line, column, hint }) => {
      const place = line === undefined ? file : `${yaml}:${line}:${column ?? 1}`;
      return `${place}: ${code}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
    })
    .join("\n");
}
