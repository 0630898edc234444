/**
 * The option `--rules` of the firewall's commands, and the rules behind it. It reads sources as the configuration does, so
 * that what is tried here is what serves.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { loadRuleSet, type RuleSet } from "../../seclang/index.ts";
import { findRuleFiles } from "../../stages/waf/rule-files.ts";

export interface RulesOption {
  readonly rules?: readonly string[];
}

export interface LoadedRules {
  readonly set: RuleSet;
  /** Every file that was named by a source, in the order of loading; what they include is not among them. */
  readonly paths: readonly string[];
  /** Reading and compiling, in milliseconds. */
  readonly loadMs: number;
}

const SOURCE_HELP =
  "builtin, crs:DIRECTORY-OR-ARCHIVE, or a path or glob of SecLang files; may be repeated, and the order counts";

/** Adds `--rules`. */
export function withRules(command: Command): Command {
  return command.option("--rules <source>", SOURCE_HELP, eachSource);
}

const eachSource = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];

/** As `waf.rules` spells it: a path alone is a file. */
const toSetting = (text: string): string =>
  /^(?:builtin$|crs:|file:)/.test(text) ? text : `file:${text}`;

/** Finds the files of the sources. Throws an error with a line for each source that cannot be used. */
async function findPaths(sources: readonly string[], cache: string): Promise<string[]> {
  const rules = sources.map(toSetting);
  const { found, mistakes } = await findRuleFiles({
    lists: [{ at: [], rules }],
    directory: process.cwd(),
    cache,
  });
  if (mistakes.length > 0)
    throw new Error(
      mistakes
        .map(({ message, hint }) => `${message}${hint === undefined ? "" : ` (${hint})`}`)
        .join("\n"),
    );
  return rules.flatMap((rule) => [...(found.get(rule)?.paths ?? [])]);
}

/**
 * Calls `use` with the files of the sources; an archive is unpacked for as long as that takes. Without sources these are
 * the built-in rules, as in the configuration.
 */
export async function usingRuleFiles<T>(
  sources: readonly string[] | undefined,
  use: (paths: readonly string[]) => T | Promise<T>,
): Promise<T> {
  const cache = await mkdtemp(join(tmpdir(), "portcullis-rules-"));
  try {
    return await use(await findPaths(sources ?? ["builtin"], cache));
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

/** Loads the rules. Throws `RuleSetRefused` for faults in them, and an error for sources that are not there. */
export function loadRules(sources: readonly string[] | undefined): Promise<LoadedRules> {
  return usingRuleFiles(sources, (paths) => loadFiles(paths));
}

export function loadFiles(paths: readonly string[]): LoadedRules {
  const startedMs = performance.now();
  const set = loadRuleSet({ sources: [{ kind: "files", paths }] });
  return { set, paths, loadMs: performance.now() - startedMs };
}

/** A path as an operator would write it here. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" || short.startsWith("..") ? path : short;
}
