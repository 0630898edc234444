/** A rule set, compiled once and shared by every route: rules, matchers, filter. It never changes; a new set takes its place. */
import type { ByteString } from "../byte-string.ts";
import { fromBytes } from "../byte-string.ts";
import { Filter, type FilterOptions, type FilterTables } from "../filter/filter.ts";
import type { FilterSelection } from "../filter/selection.ts";
import type { OperatorTools } from "../operators/operator.ts";
import type { Directive } from "../parse/ast.ts";
import { checkIds } from "../parse/check-ids.ts";
import { reportInto, type ParseFault } from "../parse/parse-fault.ts";
import { sourceOf } from "./rule-choice.ts";
import { ChainNumbers, compileRule, type CompiledRule } from "./compile-rule.ts";
import { PatternSource, type KnownPattern } from "./pattern-source.ts";
import { Policy, type PolicyBasis, type PolicyOptions } from "./policy.ts";
import type { Program } from "./program.ts";
import { resolveDirectives } from "./resolve-directives.ts";
import { RuleIndex } from "./rule-index.ts";
import { RuleSetRefused } from "./rule-set-refused.ts";
import type { HeadRule } from "./rule.ts";
import { settingsOf, settingWarnings } from "./settings.ts";
import { TxLayout } from "../transaction/tx-variables.ts";

/** What is told of a rule. */
export interface RuleInfo {
  readonly id: number;
  readonly phase: number;
  /** As written, macros included. */
  readonly message: ByteString;
  readonly tags: readonly ByteString[];
  readonly severity: number | undefined;
  readonly file: string;
  readonly line: number;
}

/** What is expensive to work out, as plain data. */
export interface RuleSetArtefact {
  readonly patterns: readonly KnownPattern[];
  readonly filter: FilterTables;
}

export interface RuleSetParts {
  readonly directives: readonly Directive[];
  /** Reads a file that an operator names, relative to the rule file. Throws when it cannot. */
  readonly toolsFor: (ruleFile: string) => OperatorTools;
  readonly artefact?: RuleSetArtefact;
}

export class RuleSet {
  readonly rules: readonly RuleInfo[];
  /** What was accepted and has no effect, a line each. */
  readonly warnings: readonly string[];
  /** Whether the artefact held all that was needed. */
  readonly isFromArtefact: boolean;
  readonly #patterns: PatternSource;
  readonly #basis: PolicyBasis;
  readonly #selections = new Map<string, FilterSelection>();

  /** Throws `RuleSetRefused` with every fault. */
  constructor({ directives, toolsFor, artefact }: RuleSetParts) {
    const { steps, settings, faults, warnings } = resolveDirectives(directives);
    const problems: ParseFault[] = [...checkIds(directives), ...faults];
    const heads = steps.flatMap((step) => (step.kind === "rule" ? [step.rule] : []));
    const layout = new TxLayout();
    const chains = new ChainNumbers();
    this.#patterns = new PatternSource(artefact?.patterns);
    const tools = {
      layout,
      chains,
      patterns: this.#patterns,
      rules: new RuleIndex(heads),
      tools: toolsFor,
      reportAt: ({ at }: { readonly at: HeadRule["at"] }) => reportInto(problems, at),
    };
    const compiled = numberFilters(heads.map((rule, index) => compileRule(index, rule, tools)));
    if (problems.length > 0) throw new RuleSetRefused(problems);
    const filterRules = compiled.flatMap(({ filters }) => filters ?? []);
    const options = { rules: filterRules, chains: chains.chains };
    const restored = artefact && restoredFilter(options, artefact.filter);
    const filter = restored ?? new Filter(options);
    this.isFromArtefact = restored !== undefined && this.#patterns.learnedCount === 0;
    this.rules = heads.map(infoOf);
    this.warnings = [...warnings, ...settingWarnings(settings)];
    this.#basis = {
      steps,
      compiled: new Map(compiled.map((rule) => [rule.rule.id, rule])),
      layout,
      settings: settingsOf(settings),
      filter,
      programs: new Map(),
      selectionOf: (program) => this.#selectionOf(program, filter, filterRules.length),
    };
  }

  /** Throws RangeError for an exclusion that binds to nothing. */
  policy(options: PolicyOptions = {}): Policy {
    return new Policy(this.#basis, options);
  }

  get artefact(): RuleSetArtefact {
    return { patterns: this.#patterns.facts, filter: this.#basis.filter.tables };
  }

  /** Bytes of the filter's tables; patterns and rules come on top. */
  get filterBytes(): number {
    return this.#basis.filter.memoryBytes;
  }

  #selectionOf({ phases }: Program, filter: Filter, count: number): FilterSelection {
    const active = new Uint8Array(count);
    for (const { rules } of phases)
      for (const { filters = [] } of rules) for (const { index } of filters) active[index] = 1;
    const key = fromBytes(active);
    const known = this.#selections.get(key);
    if (known !== undefined) return known;
    const selection = filter.select(active);
    this.#selections.set(key, selection);
    return selection;
  }
}

/** The filter of the tables, or undefined when they belong to other rules. */
function restoredFilter(options: FilterOptions, tables: FilterTables): Filter | undefined {
  try {
    return new Filter(options, tables);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The filter counts its own rules from 0. */
function numberFilters(rules: readonly CompiledRule[]): readonly CompiledRule[] {
  let count = 0;
  return rules.map((rule) => {
    const filters = rule.filters?.map((filter) => ({ ...filter, index: count++ }));
    return { ...rule, filters };
  });
}

function infoOf({ id, phase, message, tags, severity, at }: HeadRule): RuleInfo {
  return {
    id,
    phase,
    message: sourceOf(message),
    tags,
    severity,
    file: at.file,
    line: at.line,
  };
}
