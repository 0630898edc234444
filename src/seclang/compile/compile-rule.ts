/** Compiles a rule and its chain into what the interpreter runs; it must keep ModSecurity's order of targets, links and actions. */
import type { ByteString } from "../byte-string.ts";
import type { Transformation } from "../transformations/transformation.ts";
import { TRANSFORMATIONS } from "../transformations/table.ts";
import type { OperatorTools } from "../operators/operator.ts";
import type { Report } from "../parse/parse-fault.ts";
import { hasPlainHead } from "../transaction/plain-head.ts";
import { compileText, type TextTemplate } from "../transaction/text-template.ts";
import type { TxLayout } from "../transaction/tx-variables.ts";
import type { FilterRule } from "../filter/filter-rule.ts";
import { hasFlag, textsOf } from "./default-actions.ts";
import { compileEffects, type Effect } from "./compile-effects.ts";
import { ALWAYS, compileOperator, type RuleOperator } from "./compile-operator.ts";
import type { PatternSource } from "./pattern-source.ts";
import { isProseProne } from "./prose-prone-rules.ts";
import type { RuleIndex } from "./rule-index.ts";
import type { HeadRule, Rule } from "./rule.ts";
import { compileTargets, type Target } from "./target.ts";

/** One condition of a chain. */
export interface CompiledMember {
  readonly targets: readonly Target[];
  /** SecAction has no targets and always matches. */
  readonly isUnconditional: boolean;
  /** Number of the transformation chain; 0 changes nothing. */
  readonly chain: number;
  readonly transformations: readonly Transformation[];
  /** With `multiMatch` every intermediate value counts: the chains that make them, the raw value's first. */
  readonly stageChains: readonly number[] | undefined;
  readonly operator: RuleOperator;
  readonly isCapturing: boolean;
  readonly effects: readonly Effect[];
  readonly logData: TextTemplate | undefined;
}

export interface CompiledRule extends CompiledMember {
  /** Position in the rule set. */
  readonly index: number;
  readonly rule: HeadRule;
  readonly message: TextTemplate;
  /** For `redirect`. */
  readonly location: TextTemplate | undefined;
  readonly links: readonly CompiledMember[];
  /**
   * Set when the filter can tell whether the head may match: one for each value that it is asked about, which are several
   * with `multiMatch`. The rule may match if one of them does.
   */
  readonly filters: readonly FilterRule[] | undefined;
  /** Whether it can be told without running the rule that it does not match; the filter need not be asked twice. */
  readonly hasPlainHead: boolean;
}

/** Numbers the distinct transformation chains of a rule set. */
export class ChainNumbers {
  readonly chains: (readonly string[])[] = [[]];
  readonly #numbers = new Map<string, number>([["", 0]]);

  numberOf(names: readonly string[]): number {
    const key = names.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.chains.length);
    return this.chains.push(names) - 1;
  }
}

export interface RuleTools {
  readonly layout: TxLayout;
  readonly chains: ChainNumbers;
  readonly patterns: PatternSource;
  readonly rules: RuleIndex;
  readonly tools: (file: string) => OperatorTools;
  readonly reportAt: (rule: Rule) => Report;
}

/** Compiles the rule at `index`; what it cannot is told and left out, and the set is then refused as a whole. */
export function compileRule(index: number, rule: HeadRule, tools: RuleTools): CompiledRule {
  const head = compileMember(rule, isProseProne(rule), tools);
  const filters = filtersOf(head, rule.transformations);
  return {
    ...head,
    index,
    rule,
    message: compileText(rule.message),
    location:
      rule.disruption.kind === "redirect" ? compileText(rule.disruption.location) : undefined,
    links: rule.links.map((link) => compileMember(link, isProseProne(rule), tools)),
    hasPlainHead: filters === undefined && hasPlainHead(head),
    filters,
  };
}

function compileMember(rule: Rule, proseProne: boolean, tools: RuleTools): CompiledMember {
  const report = tools.reportAt(rule);
  const { layout, rules, patterns } = tools;
  const isUnconditional = rule.operator === undefined;
  const context = { report, patterns, tools: tools.tools(rule.at.file) };
  const operator = rule.operator && compileOperator(rule.operator, context);
  const logData = textsOf(rule.actions, "logdata").at(-1);
  return {
    targets: compileTargets(rule.variables, { layout, report, isProseProne: proseProne }),
    isUnconditional,
    chain: tools.chains.numberOf(rule.transformations),
    transformations: stepsOf(rule.transformations),
    stageChains: hasFlag(rule.actions, "multiMatch")
      ? stagesOf(rule.transformations).map((stage) => tools.chains.numberOf(stage))
      : undefined,
    operator: operator ?? ALWAYS,
    isCapturing: hasFlag(rule.actions, "capture"),
    effects: compileEffects(rule.actions, { layout, report, rules }),
    logData: logData && compileText(logData.parts),
  };
}

/** What `multiMatch` asks about: nothing done, and each transformation done. */
const stagesOf = (names: readonly string[]): readonly (readonly string[])[] => [
  [],
  ...names.map((_, at) => names.slice(0, at + 1)),
];

function stepsOf(names: readonly string[]): readonly Transformation[] {
  return names.map((name) => TRANSFORMATIONS.get(name) ?? unknownTransformation(name));
}

function unknownTransformation(name: string): never {
  throw new Error(`the parser let the unknown transformation ${name} pass`);
}

/** The filter would make the digest of every header to spare one rule that reads one of them. */
const DIGESTS: ReadonlySet<string> = new Set(["md5", "sha1"]);

/** A head whose verdict depends on values of entries alone can be filtered; counts, TX and negation cannot. */
function filtersOf(
  member: CompiledMember,
  transformations: readonly string[],
): readonly FilterRule[] | undefined {
  const { targets, operator, stageChains, isUnconditional } = member;
  if (isUnconditional || operator.isNegated || operator.argument !== undefined) return undefined;
  if (targets.length === 0 || transformations.some((name) => DIGESTS.has(name.toLowerCase())))
    return undefined;
  let parts = 0;
  for (const target of targets) {
    if (target.kind !== "parts" || target.isCount) return undefined;
    parts |= target.parts;
  }
  const { test, literals, bareLiterals, byteSets } = operator;
  const reads = readsOf(targets);
  const asked = stageChains ?? [member.chain];
  const family = {};
  return asked.map((chain) => ({
    index: 0,
    family,
    parts,
    chain,
    test: (value) => test(value, undefined),
    ...(literals === undefined ? {} : { literals }),
    ...(bareLiterals === undefined ? {} : { bareLiterals }),
    ...(byteSets === undefined ? {} : { byteSets }),
    ...(reads === undefined ? {} : { reads }),
  }));
}

/** Names remembered for each rule; a caller who sends ever new ones only empties the memory. */
const LIMIT_REMEMBERED_NAMES = 256;
/** Longer names are rare, and would be kept alive with the message they are part of. */
const LIMIT_REMEMBERED_BYTES = 64;

/** Which members the targets read, when they do not read all of their parts. */
function readsOf(targets: readonly Target[]): FilterRule["reads"] {
  if (targets.every(({ selector, excludes }) => !selector && !excludes)) return undefined;
  const byPart = new Map<number, Map<ByteString, boolean>>();
  return (part, memberName) => {
    let known = byPart.get(part);
    if (known === undefined) byPart.set(part, (known = new Map()));
    const answer = known.get(memberName);
    if (answer !== undefined) return answer;
    const isRead = targets.some((target) => readsMember(target, part, memberName));
    if (memberName.length > LIMIT_REMEMBERED_BYTES) return isRead;
    if (known.size >= LIMIT_REMEMBERED_NAMES) known.clear();
    // A copy: a slice would keep the whole message it was cut from.
    known.set(Buffer.from(memberName, "latin1").toString("latin1"), isRead);
    return isRead;
  };
}

function readsMember(target: Target, part: number, memberName: ByteString): boolean {
  return (
    target.kind === "parts" &&
    (target.parts & part) !== 0 &&
    target.selector?.test(memberName) !== false &&
    target.excludes?.(memberName) !== true
  );
}
