/** Loads rule sets from files and texts; with a cache directory what is slow to work out is done once for the same rules. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ByteString } from "../byte-string.ts";
import type { OperatorTools } from "../operators/operator.ts";
import type { Directive } from "../parse/ast.ts";
import { readRuleFiles } from "../parse/include.ts";
import type { ParseFault } from "../parse/parse-fault.ts";
import { parseSecLang, type SecLangParser } from "../parse/parse-seclang.ts";
import { ArtefactCache } from "./artefact-cache.ts";
import { ParsedTexts } from "./parsed-texts.ts";
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
  if (cacheDirectory === undefined)
    return new RuleSet({ directives: readSources(sources, parseSecLang), toolsFor });
  return loadCached(sources, new ArtefactCache(cacheDirectory, JSON.stringify(sources)));
}

function loadCached(sources: readonly RuleSource[], cache: ArtefactCache): RuleSet {
  const kept = cache.read();
  const texts = new ParsedTexts(kept?.texts);
  const directives = readSources(sources, (source) => texts.parse(source));
  const ruleSet = new RuleSet({
    directives,
    toolsFor,
    ...(kept !== undefined && { artefact: kept.ruleSet }),
  });
  if (!ruleSet.isFromArtefact || !texts.isUnchanged)
    cache.write({ texts: texts.texts, ruleSet: ruleSet.artefact });
  return ruleSet;
}

function readSources(sources: readonly RuleSource[], parse: SecLangParser): readonly Directive[] {
  const directives: Directive[] = [];
  const faults: ParseFault[] = [];
  for (const source of sources) {
    const read = source.kind === "files" ? readRuleFiles(source.paths, {}, parse) : parse(source);
    directives.push(...read.directives);
    faults.push(...read.faults);
  }
  if (faults.length > 0) throw new RuleSetRefused(faults);
  return directives;
}

/** Files that operators name lie beside the rule file. */
function toolsFor(ruleFile: string): OperatorTools {
  const folder = dirname(resolve(ruleFile));
  return { readFile: (path) => readFileSync(resolve(folder, path)) };
}
