/** Makes filter rules of rule files, for tests and measurements: heads of chains with a pure operator, nothing else of what rules do. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ByteString } from "../byte-string.ts";
import { PART } from "../collections/entry.ts";
import { detectSqli } from "../detect/sqli/detect-sqli.ts";
import { detectXss } from "../detect/xss/detect-xss.ts";
import type { CompiledOperator } from "../operators/operator.ts";
import { OPERATORS } from "../operators/table.ts";
import type { Directive, Variable } from "../parse/ast.ts";
import { readRuleFiles } from "../parse/include.ts";
import { ALL_BYTES, ByteSet } from "../regex/byte-set.ts";
import { LinearMatcher } from "../regex/linear-matcher.ts";
import { parsePattern } from "../regex/parse-pattern.ts";
import { PatternRefused, type Pattern } from "../regex/pattern-tree.ts";
import { requiredBytes } from "../regex/required-bytes.ts";
import { requiredLiterals } from "../regex/required-literals.ts";
import { toRegExp } from "../regex/to-javascript.ts";
import { bareLiterals } from "./bare-literals.ts";
import type { FilterRule } from "./filter-rule.ts";

export interface RulesOfFiles {
  readonly rules: readonly FilterRule[];
  /** By rule index. */
  readonly ids: readonly number[];
  readonly chains: readonly (readonly string[])[];
}

const DEBIAN_RULES = "/usr/share/modsecurity-crs/rules";
const CRS_4 = process.env["PORTCULLIS_CRS4"];

/** The rule sets that are on this machine, by name. */
export const RULE_FOLDERS: ReadonlyMap<string, string> = new Map(
  [
    ["CRS 3.3.4", DEBIAN_RULES] as const,
    ["CRS 4", CRS_4 === undefined ? "" : resolve(CRS_4, "rules")] as const,
  ].filter(([, folder]) => folder !== "" && existsSync(folder)),
);

type Rule = Directive & { readonly kind: "SecRule" };

const ARGUMENTS = PART.argsGet | PART.argsPost | PART.prompts | PART.identifiers;
const ARGUMENT_NAMES = PART.argsGetNames | PART.argsPostNames;

const PARTS: Readonly<Record<string, number>> = {
  ARGS: ARGUMENTS,
  ARGS_GET: PART.argsGet,
  ARGS_POST: PART.argsPost,
  ARGS_NAMES: ARGUMENT_NAMES,
  ARGS_GET_NAMES: PART.argsGetNames,
  ARGS_POST_NAMES: PART.argsPostNames,
  REQUEST_HEADERS: PART.requestHeaders,
  REQUEST_HEADERS_NAMES: PART.requestHeadersNames,
  REQUEST_COOKIES: PART.requestCookies,
  REQUEST_COOKIES_NAMES: PART.requestCookiesNames,
  FILES: PART.files,
  FILES_NAMES: PART.filesNames,
  MULTIPART_PART_HEADERS: PART.multipartPartHeaders,
  REQUEST_LINE: PART.requestLine,
  REQUEST_URI: PART.requestUri,
  REQUEST_URI_RAW: PART.requestUriRaw,
  REQUEST_FILENAME: PART.requestFilename,
  REQUEST_BASENAME: PART.requestBasename,
  REQUEST_METHOD: PART.requestMethod,
  REQUEST_PROTOCOL: PART.requestProtocol,
  QUERY_STRING: PART.queryString,
  REQUEST_BODY: PART.requestBody,
};

const partOf = ({ name, selector }: Variable): number =>
  name === "XML" && selector?.kind === "xpath"
    ? selector.path.includes("@")
      ? PART.xmlAttributes
      : PART.xmlText
    : (PARTS[name] ?? 0);

/** The request rules of one level of paranoia and below. */
export function rulesOfFiles(folder: string, paranoia: number): RulesOfFiles {
  const { directives } = readRuleFiles([`${folder}/REQUEST-9*.conf`]);
  const chains: string[][] = [];
  const numbers = new Map<string, number>();
  const rules: FilterRule[] = [];
  const ids: number[] = [];
  for (const directive of directives) {
    if (directive.kind !== "SecRule" || !isInspected(directive, paranoia)) continue;
    const variables = directive.variables.filter(({ count }) => !count);
    const parts = variables.reduce((sum, each) => sum | (each.excluded ? 0 : partOf(each)), 0);
    const operator = operatorOf(directive);
    if (parts === 0 || operator === undefined) continue;
    const chain = chainOf(directive);
    const key = chain.join();
    const known = numbers.get(key) ?? chains.push(chain) - 1;
    numbers.set(key, known);
    const reads = selectionOf(variables);
    const index = rules.length;
    rules.push({ index, parts, chain: known, ...operator, ...(reads ? { reads } : {}) });
    ids.push(numberOf(directive, "id") ?? 0);
  }
  return { rules, ids, chains };
}

const numberOf = (rule: Rule, name: string): number | undefined =>
  rule.actions.find((action) => action.kind === "number" && action.name === name)?.[
    "value" as never
  ];

function isInspected(rule: Rule, paranoia: number): boolean {
  if (rule.isChained || rule.operator.negated) return false;
  if (rule.actions.some((action) => action.kind === "flag" && action.name === "multiMatch"))
    return false;
  const levels = rule.actions.flatMap((action) => {
    const level = action.kind === "text" && /^paranoia-level\/(\d)$/.exec(action.text)?.[1];
    return level ? [Number(level)] : [];
  });
  return levels.some((level) => level <= paranoia);
}

function chainOf(rule: Rule): string[] {
  const chain: string[] = [];
  for (const action of rule.actions) {
    if (action.kind !== "transform") continue;
    if (action.transformation.toLowerCase() === "none") chain.length = 0;
    else chain.push(action.transformation.toLowerCase());
  }
  return chain;
}

function selectionOf(variables: readonly Variable[]): FilterRule["reads"] {
  if (!variables.some(({ selector, excluded }) => excluded || selector?.kind === "key"))
    return undefined;
  const named = variables
    .map((variable) => ({
      isExcluded: variable.excluded,
      part: partOf(variable),
      key: variable.selector?.kind === "key" ? variable.selector.lowerKey : undefined,
      expression:
        variable.selector?.kind === "regex" ? new RegExp(variable.selector.source, "i") : undefined,
    }))
    .sort((one, other) => Number(other.isExcluded) - Number(one.isExcluded));
  return (part, lowerName) => {
    for (const each of named) {
      if ((each.part & part) === 0) continue;
      if (each.key !== undefined && each.key !== lowerName) continue;
      if (each.expression?.test(lowerName) === false) continue;
      return !each.isExcluded;
    }
    return false;
  };
}

/** `detectXss` says no to anything without one of these. */
const TAG_OR_VALUE = ByteSet.of([0x3c, 0x3d]);

type Verdict = Pick<FilterRule, "test" | "literals" | "byteSets" | "bareLiterals">;

function operatorOf({ operator, at }: Rule): Verdict | undefined {
  if (operator.name === "rx") return ofPattern(operator.argument);
  if (operator.name === "detectSQLi") return { test: (value) => detectSqli(value).isSqli };
  if (operator.name === "detectXSS") return { test: detectXss, byteSets: [TAG_OR_VALUE] };
  const compile = OPERATORS.get(operator.name.toLowerCase());
  if (compile === undefined) return undefined;
  const compiled: CompiledOperator = compile(operator.argument, {
    readFile: (path) => readFileSync(resolve(dirname(at.file), path)),
  });
  if (compiled.expands === true || compiled.stub === true) return undefined;
  if (operator.name === "validateByteRange") {
    const isOutside = (byte: number): boolean => compiled.test(String.fromCharCode(byte));
    const outside = ALL_BYTES.bytes().filter(isOutside);
    const byteSets = [ByteSet.of(...outside.map((byte): [number, number] => [byte, byte]))];
    return { test: (value) => compiled.test(value), byteSets };
  }
  const literals = compiled.mandatory?.map((literal) =>
    literal.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  );
  return { test: (value) => compiled.test(value), ...(literals ? { literals } : {}) };
}

function ofPattern(source: string): Verdict {
  const pattern = parsePattern(source);
  const expression = matcherOf(pattern, source);
  const literals = requiredLiterals(pattern)?.literals;
  const byteSets = requiredBytes(pattern);
  const bare = bareLiterals(pattern);
  return {
    test: (value) => expression.test(value),
    ...(literals ? { literals } : {}),
    ...(byteSets.length > 0 ? { byteSets } : {}),
    ...(bare ? { bareLiterals: bare } : {}),
  };
}

/** Long patterns have dozens of branches at each byte: there the automaton is the faster engine, too. */
const LONG_PATTERN = 2_000;

function matcherOf(pattern: Pattern, source: string): { test(value: ByteString): boolean } {
  if (source.length < LONG_PATTERN) return toRegExp(pattern);
  try {
    return new LinearMatcher(pattern);
  } catch (error) {
    if (error instanceof PatternRefused) return toRegExp(pattern);
    throw error;
  }
}
