/** Loads rule sets from files and texts; with a cache directory what is slow to work out is done once for the same rules. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ByteString } from "../byte-string.ts";
import type { OperatorTools } from "../operators/operator.ts";
import type { Directive } from "../parse/ast.ts";
import { readRuleFiles } from "../parse/include.ts";
import type { ParseFault } from "../parse/parse-fault.ts";
import { parseSecLang } from "../parse/parse-seclang.ts";
import { ArtefactCache } from "./artefact-cache.ts";
import { RuleSet } from "./rule-set.ts";
import { RuleSetRefused } from "./rule-set-refused.ts";

/** Rules from files (globs, `Include` is followed) or from a text under a name for messages. */
export type RuleSource =
  | { readonly kind: "files"; readonly paths: readonly string[] }
  | { readonly kind: "text"; readonly file: string; readonly text: ByteString };

export interface RuleSetOptions {
  /** In the order in which their directives count. */
  readonly sources: readonly RuleSource[];
  /** A private directory for what is slow to work out; it is made if need be. */
  readonly cacheDirectory?: string;
}

/** Throws `RuleSetRefused` with every fault of every file. */
export function loadRuleSet({ sources, cacheDirectory }: RuleSetOptions): RuleSet {
  const directives: Directive[] = [];
  const faults: ParseFault[] = [];
  for (const source of sources) {
    const read = source.kind === "files" ? readRuleFiles(source.paths) : parseSecLang(source);
    directives.push(...read.directives);
    faults.push(...read.faults);
  }
  if (faults.length > 0) throw new RuleSetRefused(faults);
  if (cacheDirectory === undefined) return new RuleSet({ directives, toolsFor });
  return loadCached(directives, new ArtefactCache(cacheDirectory, JSON.stringify(sources)));
}

function loadCached(directives: readonly Directive[], cache: ArtefactCache): RuleSet {
  const artefact = cache.read();
  const ruleSet =
    artefact === undefined
      ? new RuleSet({ directives, toolsFor })
      : new RuleSet({ directives, toolsFor, artefact });
  if (!ruleSet.isFromArtefact) cache.write(ruleSet.artefact);
  return ruleSet;
}

/** Files that operators name lie beside the rule file. */
function toolsFor(ruleFile: string): OperatorTools {
  const folder = dirname(resolve(ruleFile));
  return { readFile: (path) => readFileSync(resolve(folder, path)) };
}
