/** `portcullis waf check`: whether rule files would be taken, every fault if not, and what they come to. It runs no rule. */
import type { Command } from "commander";
import { RuleSetRefused, type ParseFault, type RuleInfo } from "../../seclang/index.ts";
import { EXIT_DISPROVEN, orUnknown } from "../ledger/exit.ts";
import { patternCounts, type PatternCounts } from "./pattern-counts.ts";
import { readRuleFacts } from "./rule-facts.ts";
import {
  loadFiles,
  shortPath,
  usingRuleFiles,
  withRules,
  type RulesOption,
} from "./rules-option.ts";

interface CheckOptions extends RulesOption {
  readonly json?: true;
}

interface Findings {
  readonly rules: number;
  readonly byPhase: Readonly<Record<string, number>>;
  /** Rules that carry a tag `paranoia-level/N`; `none` for those without. */
  readonly byParanoia: Readonly<Record<string, number>>;
  readonly patterns: PatternCounts;
  readonly filterBytes: number;
  readonly loadMs: number;
  readonly warnings: readonly string[];
}

export function addWafCheck(waf: Command): void {
  withRules(
    waf
      .command("check [files...]")
      .description(
        "Load rule files; show every fault, or what the rules are. Exits with 1 when refused.",
      ),
  )
    .option("--json", "print JSON")
    .action((files: string[], options: CheckOptions) => orUnknown(() => check(files, options)));
}

async function check(files: readonly string[], { rules = [], json }: CheckOptions): Promise<void> {
  const sources = [...rules, ...files];
  if (sources.length === 0) throw new Error("name rule files, or a source with --rules");
  try {
    const findings = await usingRuleFiles(sources, findingsOf);
    if (json) console.log(JSON.stringify({ faults: [], ...findings }, undefined, 2));
    else console.log(textOf(findings));
  } catch (error) {
    if (!(error instanceof RuleSetRefused)) throw error;
    if (json) console.log(JSON.stringify({ faults: error.faults }, undefined, 2));
    else console.error(faultsText(error));
    process.exitCode = EXIT_DISPROVEN;
  }
}

function findingsOf(paths: readonly string[]): Findings {
  const { set, loadMs } = loadFiles(paths);
  const { rulesByPattern, withoutEffect } = readRuleFacts(paths);
  return {
    rules: set.rules.length,
    byPhase: countBy(set.rules, ({ phase }) => String(phase)),
    byParanoia: countBy(set.rules, paranoiaOf),
    patterns: patternCounts(set.artefact.patterns, rulesByPattern),
    filterBytes: set.filterBytes,
    loadMs: Math.round(loadMs),
    warnings: [...set.warnings.map(shortPlace), ...withoutEffect],
  };
}

/** `file:line: ...` with the file as an operator would write it. */
const shortPlace = (line: string): string => line.replace(/^[^:]+/, (file) => shortPath(file));

function countBy(
  rules: readonly RuleInfo[],
  keyOf: (rule: RuleInfo) => string,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const rule of rules) counts[keyOf(rule)] = (counts[keyOf(rule)] ?? 0) + 1;
  return counts;
}

function paranoiaOf({ tags }: RuleInfo): string {
  const tag = tags.find((one) => one.startsWith("paranoia-level/"));
  return tag?.slice("paranoia-level/".length) ?? "none";
}

function faultsText({ faults }: RuleSetRefused): string {
  const lines = faults.map(faultLine);
  return [...lines, `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`].join("\n");
}

function faultLine({ file, line, message, hint }: ParseFault): string {
  return `${shortPath(file)}:${line}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}

const BYTES_PER_MB = 1_000_000;

function textOf({ rules, byPhase, byParanoia, patterns, ...rest }: Findings): string {
  const { filterBytes, loadMs, warnings } = rest;
  const counts = (by: Readonly<Record<string, number>>, name: string): string =>
    Object.entries(by)
      .map(([key, count]) => `${key === "none" ? `no ${name}` : `${name} ${key}`}: ${count}`)
      .join(", ");
  const { anyLength, shortOnly, automatonOnly, stepBound } = patterns;
  const total = anyLength + shortOnly + automatonOnly + stepBound.length;
  return [
    `in order: ${rules} rules, loaded in ${loadMs} ms, ${(filterBytes / BYTES_PER_MB).toFixed(1)} MB of filter`,
    `  ${counts(byPhase, "phase")}`,
    `  ${counts(byParanoia, "paranoia level")}`,
    `${total} patterns`,
    `  ${anyLength} run on V8's engine at any length`,
    `  ${shortOnly} run there on short values, on an automaton on longer ones`,
    `  ${automatonOnly} run on the automaton alone`,
    `  ${stepBound.length} need backtracking: a longer value gets so many steps, and is refused where they run out`,
    ...stepBound.map(
      ({ rules: ids, limitBytes }) =>
        `    ${ids.join(", ") || "unused"}: beyond ${limitBytes} bytes`,
    ),
    `${warnings.length} warnings`,
    ...warnings.map((warning) => `  ${warning}`),
  ].join("\n");
}
