/**
 * Loads a configuration: files, variables and flags laid over each other, validated once against a schema it is given.
 * It reports every mistake at once, each with its place, and never returns a configuration with a mistake in it.
 *
 * Precedence, highest first: flags, environment variables, `portcullis.<environment>.yaml`, `portcullis.yaml`, the
 * schema's defaults. Mappings are merged key by key; lists are replaced whole.
 */
import { isUtf8 } from "node:buffer";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { z } from "zod";
import {
  toDiagnostic,
  toDiagnostics,
  type ConfigPath,
  type Diagnostic,
  type Finding,
  type Origin,
} from "./diagnostic.ts";
import {
  applyEnvironment,
  applyFlags,
  EMPTY_ENVIRONMENT_TABLE,
  type Environment,
  type EnvironmentTable,
  type FlagValue,
} from "./environment.ts";
import { ABSENT, digestOf, type FileDigests } from "./file-digest.ts";
import { findingsOf } from "./issue-findings.ts";
import { wordIssue } from "./issue-words.ts";
import { FileRefused, readBounded } from "./read-bounded.ts";
import {
  emptyMap,
  findNode,
  mergeNodes,
  nodeOf,
  placeOf,
  valueOf,
  type SourceNode,
} from "./source-node.ts";
import { SourceText } from "./source-text.ts";
import { parseYaml } from "./yaml-source.ts";

/**
 * The largest configuration file read. Ten thousand routes fit; parsing a megabyte takes seconds at worst, and who can
 * make the gateway read a larger file could hold up its start and every reload.
 */
const DEFAULT_FILE_LIMIT_BYTES = 1_048_576;

export interface LoadInput<Schema extends z.ZodType> {
  /** The root schema; it alone says what is right. */
  readonly schema: Schema;
  /** The configuration file. */
  readonly path: string;
  /**
   * Settings in place of the file, as plain data, for variables and flags to be laid over. Neither file nor overlay is
   * read then; `path` only says in which folder relative references begin.
   */
  readonly settings?: object | undefined;
  /**
   * Chooses the overlay `<name>.<environment>.yaml` beside the file; no overlay when undefined. As a function it is given
   * the file's raw data, for a name that stands in the file itself.
   */
  readonly environmentName?: string | ((raw: unknown) => string | undefined);
  readonly env?: Environment;
  readonly envTable?: EnvironmentTable;
  readonly flags?: readonly FlagValue[];
}

export interface Loaded<T> {
  readonly ok: true;
  readonly value: T;
  readonly origins: Origins;
  readonly warnings: readonly Diagnostic[];
  /** The files that decide; the overlay is among them even when it does not exist. For `watch`. */
  readonly files: FileDigests;
  /** The directory that relative references are relative to. */
  readonly directory: string;
  /** An error about a value that the schema found right: an unknown upstream, overlapping routes. */
  readonly diagnose: (path: ConfigPath, message: string, hint?: string) => Diagnostic;
}

export interface NotLoaded {
  readonly ok: false;
  readonly diagnostics: readonly Diagnostic[];
  /** As in `Loaded`: mending one of them is what makes the next attempt worth while. */
  readonly files: FileDigests;
}

/** Where each value of a loaded configuration comes from. */
export class Origins {
  /** The configuration before validation, defaults not in it. */
  readonly root: SourceNode;

  constructor(root: SourceNode) {
    this.root = root;
  }

  /** The origin of the value at a path; "default" when no file, variable or flag gives it. */
  at(path: ConfigPath): Origin {
    const found = findNode(this.root, path);
    return found.depth === path.length ? found.node.origin : { kind: "default" };
  }

  /** Where to point for a complaint about a path: the value, or the nearest thing above it that is written down. */
  place(path: ConfigPath): Origin {
    return placeOf(findNode(this.root, path));
  }
}

/** Loads, merges and validates. Rejects only for bugs, never for what files or variables hold. */
export async function loadConfiguration<Schema extends z.ZodType>(
  input: LoadInput<Schema>,
): Promise<Loaded<z.output<Schema>> | NotLoaded> {
  const base = input.settings ? undefined : await readLayer(input.path, { isRequired: true });
  const overlay = base && (await readOverlay(input, base));
  const layers = [base, overlay].filter((layer) => layer !== undefined);
  const files = new Map(layers.map(({ path, digest }) => [resolve(path), digest]));
  const ofFiles = mergeNodes(
    base?.node ?? nodeOf(input.settings ?? {}, { kind: "default" }),
    overlay?.node ?? emptyMap({ kind: "default" }),
  );
  const { root: ofVariables, findings: ofTable } = applyEnvironment(
    ofFiles,
    input.envTable ?? EMPTY_ENVIRONMENT_TABLE,
    input.env ?? {},
  );
  const root = applyFlags(ofVariables, input.flags ?? []);
  const findings = [...layers.flatMap((layer) => layer.findings), ...ofTable];
  // A file with faults has no tree: validating what is left would report its every key as missing.
  const isReadable = layers.every((layer) => layer.findings.length === 0);
  const result = isReadable
    ? input.schema.safeParse(valueOf(root), { error: wordIssue })
    : undefined;
  if (result && !result.success)
    findings.push(...findingsOf(result.error.issues, { schema: input.schema, root }));

  const isWrong = findings.some(({ severity }) => severity !== "warning");
  if (!result?.success || isWrong)
    return { ok: false, diagnostics: toDiagnostics(findings), files };
  const origins = new Origins(root);
  return {
    ok: true,
    value: result.data,
    origins,
    warnings: toDiagnostics(findings),
    files,
    directory: dirname(resolve(input.path)),
    diagnose: (path, message, hint) =>
      toDiagnostic({ origin: origins.place(path), path, message, hint }),
  };
}

interface Layer {
  readonly path: string;
  readonly digest: string;
  readonly node: SourceNode | undefined;
  readonly findings: readonly Finding[];
}

async function readLayer(path: string, { isRequired }: { isRequired: boolean }): Promise<Layer> {
  try {
    const { bytes } = await readBounded(path, DEFAULT_FILE_LIMIT_BYTES);
    const digest = digestOf(bytes);
    const source = new SourceText(path, new TextDecoder("utf-8").decode(bytes));
    if (isUtf8(bytes)) return { path, digest, ...parseYaml(source) };
    return { path, digest, ...refusedAt(source, "not UTF-8", source.text.indexOf("\u{fffd}")) };
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    if (error.code === "ENOENT" && !isRequired)
      return { path, digest: ABSENT, node: undefined, findings: [] };
    return {
      path,
      digest: ABSENT,
      ...refusedAt(new SourceText(path, ""), `the file ${error.message}`, 0),
    };
  }
}

function refusedAt(
  source: SourceText,
  message: string,
  start: number,
): Pick<Layer, "node" | "findings"> {
  const origin: Origin = { kind: "file", source, start, end: start + 1 };
  return { node: undefined, findings: [{ origin, path: [], message }] };
}

const OVERLAY_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

async function readOverlay<Schema extends z.ZodType>(
  { path, environmentName }: LoadInput<Schema>,
  base: Layer,
): Promise<Layer | undefined> {
  const raw = base.node ? valueOf(base.node) : {};
  const name = typeof environmentName === "function" ? environmentName(raw) : environmentName;
  if (name === undefined) return undefined;
  if (OVERLAY_NAME.test(name)) return readLayer(overlayPath(path, name), { isRequired: false });
  // It becomes part of a file name and must not climb out of the directory.
  const message = "the name of the environment is not lower case letters, digits and hyphens";
  return {
    ...base,
    node: undefined,
    findings: [{ origin: { kind: "default" }, path: [], message }],
  };
}

/** "a/portcullis.yaml" and "staging" to "a/portcullis.staging.yaml". */
function overlayPath(path: string, environmentName: string): string {
  const extension = extname(path);
  return join(dirname(path), `${basename(path, extension)}.${environmentName}${extension}`);
}
