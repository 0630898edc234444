/**
 * `portcullis pack sign`: one officer's signature under a pack. It must never sign what a gateway would not load, with a
 * key that others can read, nor write over a file unasked.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { createPublicKey, type KeyObject } from "node:crypto";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { Pack } from "../../packs/pack.ts";
import { readPack } from "../../packs/read/read-pack.ts";
import { addSignatures, readEnvelope, signEnvelope } from "../../packs/sign/dsse.ts";
import { readPrivateKey } from "../../packs/sign/keys.ts";
import { signPackJson } from "../../packs/sign/pack-json.ts";
import { refusal } from "../../packs/sign/refusal.ts";
import { openPack } from "../../packs/sign/trust.ts";
import { eachArgument, orRefused, readArgument } from "./verify.ts";

/** Readable for others: a signature is no secret. */
const FILE_MODE = 0o644;

/** Of a private key's file: anything for anyone but its owner. */
const OTHERS = 0o077;

interface SignOptions {
  readonly key: string[];
  readonly id?: string;
  readonly version?: string;
  readonly dsse?: true;
  readonly add?: true;
  readonly out?: string;
  readonly force?: true;
}

/** What is about to be written. */
interface Signed {
  readonly text: string;
  readonly form: "pack_json" | "dsse";
  /** The YAML. */
  readonly yaml: Uint8Array;
  readonly pack: Pack;
  /** Where it goes unless `--out` says otherwise. */
  readonly path: string;
}

export function addPackSign(pack: Command): void {
  pack
    .command("sign <file>")
    .description("Sign a pack. Exits with 0 when signed, 1 when the pack or a key is refused.")
    .requiredOption("--key <file>", "a private key; may be repeated", eachArgument)
    .option("--id <text>", "id to write into pack.json")
    .option("--version <text>", "version to write into pack.json")
    .option("--dsse", "write a DSSE envelope that holds the pack")
    .option("--add", "the file is an envelope: add a signature to it")
    .option("--out <file>", "default: pack.json or <name>.dsse.json beside the pack")
    .option("--force", "write over a file that is there")
    .action((file: string, options: SignOptions) => orRefused(file, () => sign(file, options)));
}

async function sign(file: string, options: SignOptions): Promise<void> {
  const keys = await Promise.all(options.key.map(readKeyFile));
  const { bytes } = await readArgument(file);
  const signed =
    options.dsse || options.add
      ? envelopeOf({ file, bytes, keys, options })
      : packJsonOf({ file, bytes, keys, options });
  // What is written is what a gateway that trusts these keys would take.
  const opened = openPack(
    { signature: Buffer.from(signed.text), yaml: signed.yaml },
    {
      form: signed.form,
      keys: keys.map((key) => createPublicKey(key)),
      threshold: signed.form === "dsse" ? keys.length : 1,
    },
  );
  const path = options.out ?? signed.path;
  writeWhole(path, signed.text, options.force ?? false);
  const { release } = signed.pack;
  console.log(
    [
      `${path}: signed`,
      `id       ${opened.id ?? release?.name}`,
      `version  ${opened.version ?? release?.version}`,
      `blake3   ${opened.blake3}`,
      ...opened.signerIds.map((signer) => `signer   ${signer}`),
    ].join("\n"),
  );
}

/** What is to be signed, and how. */
interface Order {
  readonly file: string;
  readonly bytes: Buffer;
  readonly keys: readonly KeyObject[];
  readonly options: SignOptions;
}

function packJsonOf({ file, bytes, keys, options }: Order): Signed {
  const { id, version } = options;
  const [key, ...more] = keys;
  if (id === undefined || version === undefined) {
    throw new Error("pack.json names its pack: give --id and --version");
  }
  if (key === undefined || more.length > 0) {
    throw new Error("pack.json has one signature: give one --key, or ask for an envelope, --dsse");
  }
  const pack = readPack(bytes);
  const text = signPackJson({ bytes, id, version, key, createdAtMs: Date.now() });
  return { text, form: "pack_json", yaml: bytes, pack, path: join(dirname(file), "pack.json") };
}

function envelopeOf({ file, bytes, keys, options }: Order): Signed {
  if (options.id !== undefined || options.version !== undefined) {
    throw new Error("an envelope is named by the pack's release: leave --id and --version out");
  }
  const yaml = options.add ? readEnvelope(bytes).payload : bytes;
  const pack = readPack(yaml);
  if (pack.release === undefined) {
    throw refusal(
      "pack.release_missing",
      "a pack in an envelope says its release, this one does not",
      "write release: with name, version, not_before and expires",
    );
  }
  return {
    text: options.add ? addSignatures(bytes, keys) : signEnvelope({ bytes, keys }),
    form: "dsse",
    yaml,
    pack,
    path: options.add ? file : `${file.replace(/\.ya?ml$/, "")}.dsse.json`,
  };
}

async function readKeyFile(path: string): Promise<KeyObject> {
  const { bytes, mode } = await readArgument(path);
  // Windows has other means, and says 0666 of every file.
  if ((mode & OTHERS) !== 0 && process.platform !== "win32") {
    throw refusal(
      "pack.exposed_key",
      `${path} is open to others (mode ${mode.toString(8)}): the key may have been copied`,
      `make a new one, or chmod 600 ${path} if you are sure`,
    );
  }
  return readPrivateKey(bytes.toString("latin1"));
}

/** The whole text or nothing, and nothing at all where a file is that may not be replaced. */
function writeWhole(path: string, text: string, mayReplace: boolean): void {
  if (!mayReplace) reserve(path);
  const staged = `${path}.${process.pid}.new`;
  try {
    const descriptor = openSync(staged, "wx", FILE_MODE);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(staged, path);
  } catch (error) {
    rmSync(staged, { force: true });
    if (!mayReplace) rmSync(path, { force: true });
    throw error;
  }
}

/** An empty file, which no other can have made since: an empty signature is refused by whoever reads it meanwhile. */
function reserve(path: string): void {
  try {
    closeSync(openSync(path, "wx", FILE_MODE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(`${path} is there already: take another name, or --force`, { cause: error });
  }
}
