/**
 * Finds the files behind the rule sources of a configuration, in the order in which they are loaded, with the digests of
 * what was read. It must never go on with a source that is not what its checksum says.
 */
import { stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import type { ConfigPath } from "../../config/diagnostic.ts";
import { digestOf } from "../../config/file-digest.ts";
import { FileRefused, readBounded } from "../../config/read-bounded.ts";
import { builtinRulePaths } from "../../seclang/builtin/builtin-rules.ts";
import { expandGlob, isGlob } from "../../seclang/parse/glob.ts";
import { type RuleSourceSetting, sourceText } from "./config.ts";
import { ArchiveRefused, unpackArchive } from "./crs-archive.ts";
import { type CrsLayout, findCrs } from "./crs-layout.ts";
import { sha256Hex } from "./sha256.ts";

/** One file of rules. The largest of the Core Rule Set has 80 KB; raised, whoever writes there fills the memory. */
const RULE_FILE_LIMIT_BYTES = 16_777_216;
/** Files of one source; the Core Rule Set with all its plugins has under 200. */
const FILES_LIMIT = 2_000;

/** The files of one source as they are loaded. */
export interface FoundRules {
  /** Absolute paths, in the order of loading. */
  readonly paths: readonly string[];
  /** Names their content: the same key is the same rules. */
  readonly key: string;
}

/** A source that cannot be used, with its place in the configuration. */
export interface RuleSourceMistake {
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint?: string;
}

export interface ResolvedRules {
  /** By the text of the source. */
  readonly found: ReadonlyMap<string, FoundRules>;
  readonly mistakes: readonly RuleSourceMistake[];
  /** For the watch. */
  readonly files: ReadonlyMap<string, string>;
}

export interface RuleFilesInput {
  readonly lists: readonly {
    readonly at: ConfigPath;
    readonly rules: readonly RuleSourceSetting[];
  }[];
  /** What relative paths begin at. */
  readonly directory: string;
  /** Where archives are unpacked. */
  readonly cache: string | undefined;
}

/** Every source of every list; mistakes are told together. */
export async function findRuleFiles({
  lists,
  directory,
  cache,
}: RuleFilesInput): Promise<ResolvedRules> {
  const found = new Map<string, FoundRules>();
  const mistakes: RuleSourceMistake[] = [];
  const files = new Map<string, string>();
  for (const { at, rules } of lists) {
    for (const [index, setting] of rules.entries()) {
      const text = sourceText(setting);
      try {
        const sha256 = typeof setting === "string" ? undefined : setting.sha256;
        found.set(text, await findSource(text, { directory, cache, sha256, files }));
      } catch (error) {
        if (!(error instanceof SourceRefused)) throw error;
        const { message, hint } = error;
        mistakes.push({ at: [...at, index], message, ...(hint !== undefined && { hint }) });
      }
    }
  }
  return { found, mistakes, files };
}

class SourceRefused extends Error {
  override readonly name = "SourceRefused";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

interface Place {
  readonly directory: string;
  readonly cache: string | undefined;
  readonly sha256: string | undefined;
  readonly files: Map<string, string>;
}

async function findSource(text: string, place: Place): Promise<FoundRules> {
  if (text === "builtin") {
    if (place.sha256 !== undefined) throw new SourceRefused("built-in rules have no checksum");
    return readAll(builtinRulePaths(), place.files);
  }
  const path = resolve(place.directory, text.slice(text.indexOf(":") + 1));
  return text.startsWith("crs:") ? crsSource(path, place) : ownSource(path, place);
}

async function ownSource(path: string, place: Place): Promise<FoundRules> {
  if (place.sha256 !== undefined)
    throw new SourceRefused("only `crs:` sources are verified by a checksum");
  const paths = isGlob(path) ? expandGlob(path) : [path];
  if (paths === undefined) throw new SourceRefused("the pattern reaches too many files");
  if (paths.length === 0) throw new SourceRefused(`no file matches ${path}`);
  return readAll(paths, place.files);
}

async function crsSource(path: string, place: Place): Promise<FoundRules> {
  const kind = await stat(path).then(
    (stats) => (stats.isDirectory() ? "directory" : "file"),
    () => "absent",
  );
  if (kind === "absent") throw new SourceRefused(`${path} does not exist`);
  if (kind === "file") return archiveSource(path, place);
  const layout = await findCrs(path);
  if (layout === undefined) throw noRules(path);
  await verifyDirectory(layout, place);
  return readAll(layout.paths, place.files, layout.data);
}

const noRules = (path: string): SourceRefused =>
  new SourceRefused(
    `${path} holds no rules/*.conf`,
    "name the folder of the Core Rule Set that holds its `rules` folder",
  );

async function archiveSource(path: string, place: Place): Promise<FoundRules> {
  if (place.cache === undefined)
    throw new SourceRefused("an archive has to be unpacked", "name a folder for it in `waf.cache`");
  const bytes = await read(path);
  const digest = sha256Hex(bytes);
  refuseOtherThan(place.sha256, digest);
  place.files.set(path, digestOf(bytes));
  const root = join(place.cache, `crs-${digest}`);
  try {
    await unpackArchive(bytes, root);
  } catch (error) {
    if (error instanceof ArchiveRefused)
      throw new SourceRefused(`${basename(path)}: ${error.message}`);
    throw error;
  }
  const layout = await findCrs(root);
  if (layout === undefined) throw noRules(path);
  // What was unpacked is read again, but not watched: the archive is.
  return readAll(layout.paths, new Map(), layout.data);
}

/**
 * The same as this, in the folder: `find rules plugins -maxdepth 1 -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`.
 * The set-up is left out: it is the operator's to change.
 */
async function verifyDirectory({ root, all }: CrsLayout, { sha256 }: Place): Promise<void> {
  if (sha256 === undefined) return;
  const names = all
    .map((path) => relative(root, path))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  let lines = "";
  for (const name of names) lines += `${sha256Hex(await read(join(root, name)))}  ${name}\n`;
  refuseOtherThan(sha256, sha256Hex(lines));
}

function refuseOtherThan(wanted: string | undefined, digest: string): void {
  if (wanted === undefined || wanted === digest) return;
  throw new SourceRefused(
    `these are not the rules that were meant: they hash to ${digest}`,
    "compare with where they came from; if they are right, write this hash",
  );
}

async function readAll(
  paths: readonly string[],
  files: Map<string, string>,
  data: readonly string[] = [],
): Promise<FoundRules> {
  if (paths.length + data.length > FILES_LIMIT) throw new SourceRefused("has too many files");
  const parts: string[] = [];
  for (const path of [...paths, ...data]) {
    const digest = digestOf(await read(path));
    files.set(path, digest);
    parts.push(`${path}\0${digest}`);
  }
  return { paths, key: sha256Hex(parts.join("\0")) };
}

async function read(path: string): Promise<Buffer> {
  try {
    return (await readBounded(path, RULE_FILE_LIMIT_BYTES)).bytes;
  } catch (error) {
    if (error instanceof FileRefused) throw new SourceRefused(`${path} ${error.message}`);
    throw error;
  }
}
