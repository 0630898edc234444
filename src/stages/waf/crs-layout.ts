/**
 * The files of a Core Rule Set folder in the order in which its authors load them: set-up, plugins' configuration and
 * "before", rules, plugins' "after". It reads names only, and follows nothing.
 */
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Where Debian keeps what an operator may change, apart from the rules. */
const DEBIAN_SETUP = "/etc/modsecurity/crs";

export interface CrsLayout {
  readonly root: string;
  /** Rule files in the order of loading. */
  readonly paths: readonly string[];
  /** Lists that rules read. */
  readonly data: readonly string[];
  /** Every file of `rules` and `plugins`. */
  readonly all: readonly string[];
}

/** Undefined where the folder holds no rules. `debianSetup` is looked into when the folder has no set-up of its own. */
export async function findCrs(
  root: string,
  debianSetup: string = DEBIAN_SETUP,
): Promise<CrsLayout | undefined> {
  const [rules, plugins] = await Promise.all(
    ["rules", "plugins"].map((name) => filesIn(join(root, name))),
  );
  if (rules === undefined || !rules.some(isConf)) return undefined;
  const extra = plugins ?? [];
  const { setup, before, after } = await findSetup(root, debianSetup);
  const endingWith = (end: string): string[] => extra.filter((path) => path.endsWith(end));
  return {
    root,
    paths: [
      ...setup,
      ...before,
      ...endingWith("-config.conf"),
      ...endingWith("-before.conf"),
      ...rules.filter(isConf),
      ...endingWith("-after.conf"),
      ...after,
    ],
    data: [...rules, ...extra].filter((path) => path.endsWith(".data")),
    all: [...rules, ...extra],
  };
}

const isConf = (path: string): boolean => path.endsWith(".conf");

interface Setup {
  readonly setup: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The operator's own set-up first; the example, which only has defaults, where there is none. */
async function findSetup(root: string, debianSetup: string): Promise<Setup> {
  const none = { before: [], after: [] };
  const own = await existing([join(root, "crs-setup.conf")]);
  if (own.length > 0) return { setup: own, ...none };
  const example = await existing([join(root, "crs-setup.conf.example")]);
  if (example.length > 0) return { setup: example, ...none };
  const [setup, before, after] = await Promise.all(
    [
      "crs-setup.conf",
      "REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf",
      "RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf",
    ].map((name) => existing([join(debianSetup, name)])),
  );
  return { setup: setup ?? [], before: before ?? [], after: after ?? [] };
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => there[index]);
}

/** Regular files of a folder, sorted bytewise as the shell does; undefined where there is no such folder. */
async function filesIn(folder: string): Promise<string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  return entries
    ?.filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => join(folder, name));
}
