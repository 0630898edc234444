/**
 * One request under the rules, and what is told of it. It is the stage's fact: it grows until the answer has been judged,
 * and must never hold a part of a value, nor a name that a caller could have made to carry one.
 */
import type { Inspected, InspectedRule } from "../../pipeline/facts.ts";
import { shownFields } from "./shown-fields.ts";
import type {
  EngineFault,
  Interruption,
  MatchedRule,
  RuleInfo,
  Transaction,
} from "../../seclang/index.ts";

/** Rules that are told of one request. Raised, an attacker writes longer lines into the record. */
const MATCHED_LIMIT = 32;
const MESSAGE_CHARS = 160;
/** From this phase on rules judge the answer. */
const ANSWER_PHASE = 3;
/** The phase of logging: it judges nothing any more. */
const LOGGING_PHASE = 5;

const NO_RULES: readonly InspectedRule[] = [];
const NO_SCORES: Readonly<Record<string, number>> = Object.freeze({});

type Coverage = Inspected["request"];

interface Told extends Pick<
  Inspected,
  "matched" | "scores" | "refusedBy" | "isOverBudget" | "micros"
> {
  readonly interruption: Interruption | undefined;
  readonly fault: EngineFault | undefined;
}

const NOTHING_TOLD: Told = {
  matched: NO_RULES,
  scores: NO_SCORES,
  refusedBy: undefined,
  isOverBudget: false,
  micros: 0,
  interruption: undefined,
  fault: undefined,
};

const LISTED_STATUS = 403;

export interface InspectionInput {
  readonly mode: Inspected["mode"];
  /** Undefined where no rule runs. */
  readonly transaction: Transaction | undefined;
  readonly rules: ReadonlyMap<number, RuleInfo>;
  /** Parts of field names that the route's schema has. */
  readonly declared: ReadonlySet<string>;
  /** What a list of known-bad callers says. */
  readonly listed: InspectedRule | undefined;
}

export class Inspection implements Inspected {
  readonly mode: Inspected["mode"];
  /** Undefined where no rule runs. */
  readonly transaction: Transaction | undefined;
  request: Coverage = "nothing";
  answer: Coverage = "nothing";
  readonly #listed: InspectedRule | undefined;
  readonly #rules: ReadonlyMap<number, RuleInfo>;
  readonly #declared: ReadonlySet<string>;
  readonly #seen = new WeakSet<Transaction>();
  #told: Told | undefined;

  constructor({ mode, transaction, rules, declared, listed }: InspectionInput) {
    this.mode = mode;
    this.transaction = transaction;
    this.#rules = rules;
    this.#declared = declared;
    this.#listed = listed;
  }

  get matched(): readonly InspectedRule[] {
    return this.told.matched;
  }
  get scores(): Inspected["scores"] {
    return this.told.scores;
  }
  get refusedBy(): Inspected["refusedBy"] {
    return this.told.refusedBy;
  }
  get isOverBudget(): boolean {
    return this.told.isOverBudget;
  }
  get micros(): number {
    return this.told.micros;
  }

  /** What stands so far; made anew after each phase. */
  get told(): Told {
    return (this.#told ??= this.#tell());
  }

  /** Another phase has run. */
  phaseDone(): void {
    this.#told = undefined;
  }

  /** A part of a stream has been inspected, by a transaction whose request phases tell nothing new. It ends with this. */
  streamSeen(transaction: Transaction): void {
    if (this.#seen.has(transaction)) return;
    this.#seen.add(transaction);
    const { matched, interruption, wouldInterrupt, micros } = transaction.end();
    const { told } = this;
    const known = new Set(told.matched.map(({ id }) => id));
    const found = this.#rulesOf(matched.filter(({ phase }) => phase >= ANSWER_PHASE));
    const fresh = found.filter(({ id }) => !known.has(id));
    const refusal = interruption ?? wouldInterrupt;
    this.#told = {
      ...told,
      matched: [...told.matched, ...fresh],
      refusedBy: told.refusedBy ?? (refusal && { rule: refusal.ruleId, status: refusal.status }),
      micros: told.micros + micros,
    };
  }

  #tell(): Told {
    const told = this.transaction ? this.#tellOf(this.transaction) : NOTHING_TOLD;
    const listed = this.#listed;
    if (!listed) return told;
    const refusedBy = { rule: listed.id, status: LISTED_STATUS };
    return { ...told, matched: [listed, ...told.matched], refusedBy };
  }

  #tellOf(transaction: Transaction): Told {
    const { interruption, wouldInterrupt, fault, matched, scores, micros } = transaction.report();
    const refusal = interruption ?? wouldInterrupt;
    return {
      matched: matched.length === 0 ? NO_RULES : this.#rulesOf(matched),
      scores,
      refusedBy: refusal && { rule: refusal.ruleId, status: refusal.status },
      isOverBudget: fault === "waf.budget_exceeded" && interruption === undefined,
      micros,
      interruption,
      fault,
    };
  }

  #rulesOf(matched: readonly MatchedRule[]): readonly InspectedRule[] {
    return matched
      .filter(({ isLogged, phase }) => isLogged && phase < LOGGING_PHASE)
      .slice(0, MATCHED_LIMIT)
      .map((rule) => ({
        id: rule.id,
        phase: rule.phase,
        message: (this.#rules.get(rule.id)?.message ?? "").slice(0, MESSAGE_CHARS),
        severity: rule.severity,
        scores: rule.scores,
        fields: shownFields(rule, this.#declared),
      }));
  }
}
