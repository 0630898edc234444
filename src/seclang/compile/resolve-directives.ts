/**
 * Turns directives in file order into rules that stand alone: defaults merged, chains tied together, updates and removals
 * applied to the rules before them. It must never drop a directive: what binds to nothing is told.
 */
import type { ByteString } from "../byte-string.ts";
import type { Action, Directive } from "../parse/ast.ts";
import { reportInto, shown, type ParseFault, type Report } from "../parse/parse-fault.ts";
import {
  disruptionOf,
  isLogged,
  NO_DEFAULTS,
  numberOf,
  textsOf,
  transformationsOf,
  type PhaseDefaults,
} from "./default-actions.ts";
import { chooses } from "./rule-choice.ts";
import {
  ChosenBy,
  choiceOf,
  withActions,
  withTargets,
  type RuleDirective,
  type UpdateDirective,
} from "./rule-updates.ts";
import type { HeadRule, Rule, Step } from "./rule.ts";

type Setting = Extract<Directive, { kind: "setting" }>;

export interface ResolvedRules {
  readonly steps: readonly Step[];
  readonly settings: readonly Setting[];
  readonly faults: readonly ParseFault[];
  /** What was accepted and has no effect. */
  readonly warnings: readonly string[];
}

/** One chain as it is being read; rules are made of it at the end, since updates come later. */
interface Draft {
  readonly members: RuleDirective[];
  readonly defaults: PhaseDefaults;
  readonly id: number;
  chosenBy: ChosenBy;
}

type DraftStep = { draft: Draft } | { marker: ByteString };

const DEFAULT_PHASE = 2;

export function resolveDirectives(directives: readonly Directive[]): ResolvedRules {
  return new Resolver().resolve(directives);
}

class Resolver {
  readonly #faults: ParseFault[] = [];
  readonly #warnings: string[] = [];
  readonly #settings: Setting[] = [];
  readonly #defaults = new Map<number, PhaseDefaults>();
  #steps: DraftStep[] = [];

  resolve(directives: readonly Directive[]): ResolvedRules {
    for (const directive of directives) this.#take(directive);
    const steps = this.#steps.map((step): Step =>
      "marker" in step
        ? { kind: "marker", name: step.marker }
        : { kind: "rule", rule: ruleOf(step.draft) },
    );
    checkSkips(steps, this.#faults);
    return {
      steps,
      settings: this.#settings,
      faults: this.#faults,
      warnings: this.#warnings,
    };
  }

  #take(directive: Directive): void {
    switch (directive.kind) {
      case "SecRule":
        return directive.isChained ? this.#link(directive) : this.#begin(directive);
      case "SecAction":
        return this.#begin(directive);
      case "SecMarker":
        this.#steps.push({ marker: directive.name });
        return;
      case "SecDefaultAction":
        this.#defaults.set(phaseOf(directive.actions), { actions: directive.actions });
        return;
      case "setting":
        this.#settings.push(directive);
        return;
      case "Include":
      case "SecComponentSignature":
        return;
      case "SecRuleRemoveById":
      case "SecRuleRemoveByTag":
      case "SecRuleRemoveByMsg":
      case "SecRuleUpdateTargetById":
      case "SecRuleUpdateTargetByTag":
      case "SecRuleUpdateTargetByMsg":
      case "SecRuleUpdateActionById":
        return this.#update(directive);
    }
  }

  #begin(directive: RuleDirective): void {
    const id = numberOf(directive.actions, "id") ?? 0;
    const defaults = this.#defaults.get(phaseOf(directive.actions)) ?? NO_DEFAULTS;
    const chosenBy = new ChosenBy(id, directive.actions);
    this.#steps.push({ draft: { members: [directive], defaults, id, chosenBy } });
  }

  #link(directive: RuleDirective): void {
    const step = this.#steps.at(-1);
    if (step !== undefined && "draft" in step) step.draft.members.push(directive);
  }

  #update(directive: UpdateDirective): void {
    const report = reportInto(this.#faults, directive.at);
    const drafts = this.#chosenBy(directive, report);
    if (drafts.length === 0) {
      const { file, line } = directive.at;
      this.#warnings.push(`${file}:${line}: ${directive.kind} names no rule before it`);
      return;
    }
    switch (directive.kind) {
      case "SecRuleRemoveById":
      case "SecRuleRemoveByTag":
      case "SecRuleRemoveByMsg": {
        const removed = new Set(drafts);
        this.#steps = this.#steps.filter((step) => "marker" in step || !removed.has(step.draft));
        return;
      }
      case "SecRuleUpdateActionById": {
        const [draft] = drafts;
        const member = draft?.members[directive.chainOffset];
        if (draft === undefined || member === undefined)
          report("seclang.chain", `rule ${directive.id} has no link ${directive.chainOffset}`);
        else {
          draft.members[directive.chainOffset] = withActions(member, directive.actions);
          draft.chosenBy = new ChosenBy(draft.id, draft.members[0]?.actions ?? []);
        }
        return;
      }
      case "SecRuleUpdateTargetById":
      case "SecRuleUpdateTargetByTag":
      case "SecRuleUpdateTargetByMsg":
        for (const { members } of drafts) {
          const [head] = members;
          if (head?.kind === "SecRule") members[0] = withTargets(head, directive);
        }
    }
  }

  #chosenBy(directive: UpdateDirective, report: Report): readonly Draft[] {
    try {
      const isChosen = chooses(choiceOf(directive));
      return this.#steps.flatMap((step) =>
        "draft" in step && isChosen(step.draft.chosenBy) ? [step.draft] : [],
      );
    } catch (error) {
      report("seclang.value", `the pattern cannot be read: ${(error as Error).message}`);
      return [];
    }
  }
}

function phaseOf(actions: readonly Action[]): number {
  return numberOf(actions, "phase") ?? DEFAULT_PHASE;
}

function ruleOf({ members, defaults, id }: Draft): HeadRule {
  const [head, ...links] = members.map((member) => memberOf(member, defaults));
  const actions = members[0]?.actions ?? [];
  if (head === undefined) throw new Error("a chain without a head");
  return {
    ...head,
    id,
    phase: phaseOf(actions),
    message: textsOf(actions, "msg").at(-1)?.parts ?? [],
    tags: textsOf(actions, "tag").map(({ text }) => text),
    severity: numberOf(actions, "severity"),
    isLogged: isLogged(actions, defaults),
    disruption: disruptionOf(actions, defaults),
    links,
    skip: skipOf(actions),
  };
}

function memberOf(directive: RuleDirective, defaults: PhaseDefaults): Rule {
  const isRule = directive.kind === "SecRule";
  return {
    at: directive.at,
    variables: isRule ? directive.variables : [],
    operator: isRule ? directive.operator : undefined,
    actions: directive.actions,
    transformations: transformationsOf(directive.actions, defaults),
  };
}

function skipOf(actions: readonly Action[]): HeadRule["skip"] {
  const after = textsOf(actions, "skipAfter").at(-1)?.text;
  if (after !== undefined) return { after };
  const count = numberOf(actions, "skip");
  return count === undefined ? undefined : { count };
}

/** A jump to a place that does not exist would silently skip the rest of the phase. */
function checkSkips(steps: readonly Step[], faults: ParseFault[]): void {
  const lastAt = new Map<ByteString, number>();
  steps.forEach((step, at) => {
    lastAt.set(step.kind === "marker" ? step.name : String(step.rule.id), at);
  });
  steps.forEach((step, at) => {
    const skip = step.kind === "rule" ? step.rule.skip : undefined;
    if (step.kind !== "rule" || skip === undefined || !("after" in skip)) return;
    if ((lastAt.get(skip.after) ?? -1) > at) return;
    reportInto(faults, step.rule.at)(
      "seclang.value",
      `skipAfter: nothing after rule ${step.rule.id} is called ${shown(skip.after)}`,
      { hint: "a SecMarker of that name must follow" },
    );
  });
}
