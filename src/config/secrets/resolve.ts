/**
 * Resolves the references of a configuration to files and secrets, once, at load: all failures at once, each with its
 * place. It keeps what it has read for the stages' preparation and never writes it anywhere.
 */
import { resolve } from "node:path";
import type { z } from "zod";
import type { ConfigPath, Diagnostic } from "../diagnostic.ts";
import type { Environment } from "../environment.ts";
import { ABSENT, digestOf, type FileDigests } from "../file-digest.ts";
import type { Loaded } from "../load.ts";
import { FileRefused, readBounded } from "../read-bounded.ts";
import { DEFAULT_AWS_AGENT_PORT, readAws } from "./aws.ts";
import { DEFAULT_KEEPER_TIMEOUT_MS } from "./fetch-json.ts";
import { findReferences } from "./find-references.ts";
import { printReference, type FileRef, type SecretRef } from "./reference.ts";
import { Secret } from "./secret.ts";
import { SecretError } from "./secret-error.ts";
import { readVault } from "./vault.ts";

/**
 * The largest file a reference may name. Lists of a million networks fit; each is held in memory as long as its
 * configuration serves, so who may write these files could otherwise exhaust it.
 */
const DEFAULT_REFERENCED_FILE_LIMIT_BYTES = 33_554_432;
/** Longer than any key or token, shorter than what would be a file named by mistake. */
const DEFAULT_SECRET_LIMIT_BYTES = 65_536;
/** Questions to keepers of secrets at one time. */
const CONCURRENCY = 8;

export interface ResolveOptions {
  readonly env: Environment;
  /** What a secret or private key in a file that everyone on the machine may read means. Production refuses. */
  readonly exposedFiles: "refuse" | "warn";
  /** For Vault and the AWS agent, each question. Default 5 seconds. */
  readonly timeoutMs?: number;
  /** Port of the AWS Secrets Manager Agent on loopback. Default 2773. */
  readonly awsAgentPort?: number;
}

/** Gives what references stand for. What the configuration names has been read already. */
export interface ReferenceReader {
  /** A copy of nothing: the buffer is shared and must not be changed. Throws `SecretError`. */
  readFile(reference: FileRef): Promise<Buffer>;
  /** Throws `SecretError`. */
  readSecret(reference: SecretRef): Promise<Secret>;
}

export type ResolvedReferences =
  | {
      readonly ok: true;
      readonly reader: ReferenceReader;
      readonly warnings: readonly Diagnostic[];
      readonly files: FileDigests;
    }
  | {
      readonly ok: false;
      readonly diagnostics: readonly Diagnostic[];
      readonly files: FileDigests;
    };

/** Resolves every reference that stands in a loaded configuration. */
export async function resolveReferences(
  loaded: Loaded<unknown>,
  schema: z.ZodType,
  options: ResolveOptions,
): Promise<ResolvedReferences> {
  const resolver = new Resolver(loaded.directory, options);
  const references = findReferences(schema, loaded.origins.root);
  const errors: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const resolveOne = async ({
    path,
    reference,
    isSecret,
  }: (typeof references)[number]): Promise<void> => {
    try {
      await (isSecret ? resolver.readSecret(reference) : resolver.readFile(reference as FileRef));
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      errors.push(loaded.diagnose(path, error.message, error.hint));
      return;
    }
    const exposure = resolver.exposureOf(reference, isSecret);
    if (exposure === undefined) return;
    const diagnostic = exposureDiagnostic(loaded, path, exposure);
    if (options.exposedFiles === "refuse") errors.push(diagnostic);
    else warnings.push({ ...diagnostic, severity: "warning" });
  };
  for (let i = 0; i < references.length; i += CONCURRENCY) {
    await Promise.all(references.slice(i, i + CONCURRENCY).map(resolveOne));
  }
  const { files } = resolver;
  if (errors.length > 0) return { ok: false, diagnostics: inOrder(errors), files };
  return { ok: true, reader: resolver, warnings: inOrder(warnings), files };
}

function inOrder(diagnostics: Diagnostic[]): Diagnostic[] {
  return diagnostics.sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}

function exposureDiagnostic(loaded: Loaded<unknown>, path: ConfigPath, mode: number): Diagnostic {
  return loaded.diagnose(
    path,
    `every account of this machine may read this file (mode ${mode.toString(8).padStart(4, "0")})`,
    "chmod o-rwx; in Kubernetes defaultMode: 0440 with an fsGroup",
  );
}

interface ReadFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

class Resolver implements ReferenceReader {
  readonly #directory: string;
  readonly #options: ResolveOptions;
  /** By absolute path. Promises, so that a file named twice is read once. */
  readonly #reading = new Map<string, Promise<ReadFile>>();
  readonly #modes = new Map<string, number>();
  readonly #privateKeys = new Set<string>();
  readonly #secrets = new Map<string, Promise<Secret>>();
  readonly files = new Map<string, string>();

  constructor(directory: string, options: ResolveOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  async readFile({ path }: FileRef): Promise<Buffer> {
    return (await this.#read(path)).bytes;
  }

  readSecret(reference: SecretRef): Promise<Secret> {
    const key = printReference(reference);
    let secret = this.#secrets.get(key);
    if (!secret) {
      secret = this.#resolve(reference);
      this.#secrets.set(key, secret);
    }
    return secret;
  }

  /** The mode of a file that holds a secret and may be read by everyone; undefined when all is well. */
  exposureOf(reference: SecretRef, isSecret: boolean): number | undefined {
    // Windows has no such bits; Node makes them up there.
    if (reference.kind !== "file" || process.platform === "win32") return undefined;
    const path = resolve(this.#directory, reference.path);
    const mode = this.#modes.get(path) ?? 0;
    const isExposed = (mode & 0o007) !== 0 && (isSecret || this.#privateKeys.has(path));
    return isExposed ? mode : undefined;
  }

  async #resolve(reference: SecretRef): Promise<Secret> {
    const text = await this.#readText(reference);
    if (text.length === 0) throw new SecretError("the secret is empty");
    return Secret.fromBytes(text);
  }

  async #readText(reference: SecretRef): Promise<Uint8Array> {
    const {
      env,
      timeoutMs = DEFAULT_KEEPER_TIMEOUT_MS,
      awsAgentPort: port = DEFAULT_AWS_AGENT_PORT,
    } = this.#options;
    switch (reference.kind) {
      case "env": {
        const value = env[reference.name];
        if (value === undefined)
          throw new SecretError(`environment variable ${reference.name} is not set`);
        return Buffer.from(value, "utf8");
      }
      case "file": {
        const { bytes } = await this.#read(reference.path);
        if (bytes.length > DEFAULT_SECRET_LIMIT_BYTES)
          throw new SecretError(
            `${reference.path} has ${bytes.length} bytes; ${DEFAULT_SECRET_LIMIT_BYTES} are allowed for a secret`,
          );
        return withoutLineEnd(bytes);
      }
      case "vault":
        return Buffer.from(await readVault(reference, { env, timeoutMs }), "utf8");
      case "aws":
        return Buffer.from(await readAws(reference, { env, timeoutMs, port }), "utf8");
    }
  }

  #read(path: string): Promise<ReadFile> {
    const absolute = resolve(this.#directory, path);
    let reading = this.#reading.get(absolute);
    if (!reading) {
      reading = this.#readOnce(path, absolute);
      this.#reading.set(absolute, reading);
    }
    return reading;
  }

  async #readOnce(path: string, absolute: string): Promise<ReadFile> {
    try {
      const file = await readBounded(absolute, DEFAULT_REFERENCED_FILE_LIMIT_BYTES);
      this.files.set(absolute, digestOf(file.bytes));
      this.#modes.set(absolute, file.mode);
      if (file.bytes.includes("PRIVATE KEY-----")) this.#privateKeys.add(absolute);
      return file;
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      this.files.set(absolute, ABSENT);
      const hint = path === absolute ? undefined : `looked for at ${absolute}`;
      throw new SecretError(`${path} ${error.message}`, hint);
    }
  }
}

/** Editors and `echo` end a file with a line end that is no part of the secret; only one is taken away. */
function withoutLineEnd(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}
