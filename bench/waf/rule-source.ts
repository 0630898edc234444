/** Loads the rules that a benchmark names as the configuration does: `builtin` or `crs:DIRECTORY`. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadRuleSet, type RuleSet } from "../../src/seclang/index.ts";
import { findCrs } from "../../src/stages/waf/crs-layout.ts";

const BUILTIN = join(import.meta.dirname, "../../rules/builtin");
const FIRST = "setup.conf";
const LAST = "verdict.conf";

/** Throws for a folder without rules. */
export async function loadRules(source: string): Promise<RuleSet> {
  const folder = source.replace(/^crs:/, "");
  const paths = source === "builtin" ? builtinPaths() : (await findCrs(folder))?.paths;
  if (paths === undefined) throw new Error(`no rules in ${folder}`);
  return loadRuleSet({ sources: [{ kind: "files", paths }] });
}

function builtinPaths(): string[] {
  const names = readdirSync(BUILTIN).filter((name) => name.endsWith(".conf"));
  const between = names.filter((name) => name !== FIRST && name !== LAST).sort();
  return [FIRST, ...between, LAST].map((name) => join(BUILTIN, name));
}
