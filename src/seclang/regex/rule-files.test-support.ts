/** Takes the patterns out of rule files, crudely: good enough to count with, never to run rules with; only for tests. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where Debian's package `modsecurity-crs` keeps its rules. */
const DEBIAN_RULES = "/usr/share/modsecurity-crs/rules";

/** A folder of rule files; another release can be named in the environment. */
export const rulesFolder: string = process.env["PORTCULLIS_CRS_RULES"] ?? DEBIAN_RULES;
export const hasRules: boolean = existsSync(rulesFolder);

const RULE = /^\s*SecRule\s+(?:"(?:[^"\\]|\\.)*"|\S+)\s+"((?:[^"\\]|\\.)*)"/;

export interface RulePattern {
  readonly rule: string;
  readonly source: string;
}

/** The argument of each `@rx` and `!@rx`, and of each rule without an operator's name. */
export function rulePatterns(): RulePattern[] {
  const files = readdirSync(rulesFolder).filter((name) => name.endsWith(".conf"));
  return files.flatMap((name) => {
    const text = readFileSync(join(rulesFolder, name), "latin1");
    const lines = text.replace(/\\\r?\n\s*/g, "").split("\n");
    return lines.flatMap((line) => patternOf(line, name));
  });
}

function patternOf(line: string, file: string): RulePattern[] {
  const argument = RULE.exec(line)?.[1]?.replaceAll('\\"', '"');
  if (argument === undefined) return [];
  const source = /^!?@rx\s+([^]*)$/.exec(argument)?.[1] ?? argument;
  if (/^!?@/.test(source)) return [];
  return [{ rule: /\bid:(\d+)/.exec(line)?.[1] ?? `a chained rule of ${file}`, source }];
}
