/** Binds a policy's exclusions to rules once; one that names no rule is refused, because whoever wrote it believes that it works. */
import type { ByteString } from "../byte-string.ts";
import type { IdRange, Variable } from "../parse/ast.ts";
import { parseVariables } from "../parse/variables.ts";
import type { RemovedTarget } from "../transaction/transaction-state.ts";
import { removedTarget } from "./compile-effects.ts";
import type { CompiledRule } from "./compile-rule.ts";

/** Rules, or one of their targets, that a policy does without. Rules named by id and by tag are added up. */
export interface RuleExclusion {
  readonly ids?: readonly IdRange[];
  /** Whole tags, as rules have them. */
  readonly tags?: readonly ByteString[];
  /** As in a rule: `ARGS:json.*.note`, `ARGS:/^json\.\d+\.x$/`, `REQUEST_HEADERS:User-Agent`. Absent: the whole rule. */
  readonly target?: ByteString;
}

export interface BoundExclusions {
  /** Indexes of rules that are not run. */
  readonly removedRules: ReadonlySet<number>;
  readonly removedTargets: ReadonlyMap<number, readonly RemovedTarget[]>;
}

/** Throws RangeError, with a sentence for the operator. */
export function bindExclusions(
  exclusions: readonly RuleExclusion[],
  rules: readonly CompiledRule[],
): BoundExclusions {
  const removedRules = new Set<number>();
  const removedTargets = new Map<number, RemovedTarget[]>();
  for (const exclusion of exclusions) {
    const chosen = rules.filter((rule) => isChosen(rule, exclusion));
    if (chosen.length === 0)
      throw new RangeError(`the exclusion ${shown(exclusion)} names no rule of the set`);
    if (exclusion.target === undefined) {
      for (const { index } of chosen) removedRules.add(index);
      continue;
    }
    const targets = targetsOf(exclusion.target);
    const reading = chosen.filter((rule) => targets.some((target) => mayRead(rule, target)));
    if (reading.length === 0)
      throw new RangeError(
        `none of the rules of the exclusion ${shown(exclusion)} reads its target`,
      );
    const removed = targets.map(removedTarget);
    for (const { index } of reading)
      removedTargets.set(index, [...(removedTargets.get(index) ?? []), ...removed]);
  }
  return { removedRules, removedTargets };
}

function isChosen({ rule }: CompiledRule, { ids = [], tags = [] }: RuleExclusion): boolean {
  const isNamed = ids.some(({ first, last }) => rule.id >= first && rule.id <= last);
  return isNamed || rule.tags.some((tag) => tags.includes(tag));
}

function mayRead(rule: CompiledRule, { name }: Variable): boolean {
  return [rule, ...rule.links].some(({ targets }) => targets.some((one) => one.name === name));
}

function targetsOf(text: ByteString): readonly Variable[] {
  const faults: string[] = [];
  const variables = parseVariables(text, (_, message) => faults.push(message));
  const isPlain = variables.every(({ count, excluded }) => !count && !excluded);
  if (faults.length > 0 || variables.length === 0 || !isPlain)
    throw new RangeError(`${text} is no target of a rule${faults[0] ? `: ${faults[0]}` : ""}`);
  return variables;
}

function shown({ ids = [], tags = [], target }: RuleExclusion): string {
  const ranges = ids.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  return [...ranges, ...tags, ...(target === undefined ? [] : [target])].join(" ");
}
