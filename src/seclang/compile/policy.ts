/** A rule set as one route wants it: settings, paranoia, exclusions, declared fields. Making one is cheap; rules and matchers are shared. */
import type { ByteString } from "../byte-string.ts";
import type { FieldKinds } from "../collections/arguments.ts";
import { FilterSession } from "../filter/filter-session.ts";
import type { Filter } from "../filter/filter.ts";
import type { FilterSelection } from "../filter/selection.ts";
import { MemoryCollections, type CollectionStore } from "../transaction/stored-collections.ts";
import { Transaction } from "../transaction/transaction.ts";
import type { EngineMode } from "../transaction/transaction-state.ts";
import type { TxLayout } from "../transaction/tx-variables.ts";
import type { CompiledRule } from "./compile-rule.ts";
import { ConstantFolder } from "./constant-rules.ts";
import { bindExclusions, type RuleExclusion } from "./exclusions.ts";
import type { PolicyCore } from "./policy-core.ts";
import { phaseProgram, placesOf, type Place, type Program } from "./program.ts";
import { PHASES, type Step } from "./rule.ts";
import type { EngineSettings } from "./settings.ts";

export interface PolicyOptions {
  /** Instead of SecRuleEngine. */
  readonly engine?: EngineMode;
  /** TX variables set before the rules' own set-up runs, by name without `tx.`. */
  readonly tx?: Readonly<Record<string, string>>;
  readonly exclusions?: readonly RuleExclusion[];
  /** What the route declares of an argument of the body, by its full name. */
  readonly fieldKind?: FieldKinds;
  /** CPU time for one transaction; default 50,000. */
  readonly budgetMicros?: number;
  /** What a spent budget means: a refusal (the default), or only a note in the report. */
  readonly onBudget?: "deny" | "mark";
  readonly settings?: Partial<EngineSettings>;
  /** Default true. */
  readonly expandsEmbedded?: boolean;
  /** Default true: a body that cannot be read to its end is refused. False leaves it to rules that ask for REQBODY_ERROR. */
  readonly refusesUnreadable?: boolean;
  /** Default: this process's memory. */
  readonly collections?: CollectionStore;
  /** Default true. False runs every rule on everything: slow, and with the same result. */
  readonly isOptimized?: boolean;
}

/** What a policy is made of. */
export interface PolicyBasis {
  readonly steps: readonly Step[];
  readonly compiled: ReadonlyMap<number, CompiledRule>;
  readonly layout: TxLayout;
  readonly settings: EngineSettings;
  readonly filter: Filter;
  /** The filter's choice for the rules of a program; shared by policies that run the same rules. */
  selectionOf(program: Program): FilterSelection;
  /** Programs made so far, by what they were made of: most routes want the same. */
  readonly programs: Map<string, Program>;
}

/** The phase that runs for each piece of an event stream. */
const RESPONSE_BODY = 4;
const BUDGET_MICROS = 50_000;
/**
 * Sessions kept for later transactions: each request holds one until its answer has gone, and making one costs as much as
 * inspecting a small request. Some 30 KB each; raised, a burst of requests leaves that much memory behind.
 */
const LIMIT_IDLE_SESSIONS = 128;

export class Policy {
  readonly #core: PolicyCore;

  /** Throws RangeError for an exclusion that binds to nothing. */
  constructor(basis: PolicyBasis, options: PolicyOptions = {}) {
    const { exclusions = [], tx = {}, settings = {}, engine } = options;
    const bound = bindExclusions(exclusions, [...basis.compiled.values()]);
    const isOptimized = options.isOptimized ?? true;
    const program = programOf(basis, { tx, removed: bound.removedRules, isOptimized });
    const merged = { ...basis.settings, ...settings };
    const selection = basis.selectionOf(program);
    const idle: FilterSession[] = [];
    this.#core = {
      settings: engine === undefined ? merged : { ...merged, engine },
      layout: basis.layout,
      ruleCount: basis.compiled.size,
      program,
      store: options.collections ?? new MemoryCollections(merged.collectionTimeoutSeconds),
      filter: basis.filter,
      fieldKind: options.fieldKind,
      expandsEmbedded: options.expandsEmbedded ?? true,
      refusesUnreadable: options.refusesUnreadable ?? true,
      onBudget: options.onBudget ?? "deny",
      budgetMs: (options.budgetMicros ?? BUDGET_MICROS) / 1_000,
      removedTargets: bound.removedTargets,
      openSession: () => (isOptimized ? (idle.pop() ?? new FilterSession(selection)) : undefined),
      closeSession: (session) => {
        session.reset();
        if (idle.length < LIMIT_IDLE_SESSIONS) idle.push(session);
      },
    };
  }

  transaction(): Transaction {
    return new Transaction(this.#core);
  }

  /**
   * Has the engines of all rules that are run ready, so that no request waits for them: some tenths of a second of work for
   * a large rule set, given back to the event loop between rules.
   */
  async warm(): Promise<void> {
    for (const { rules } of this.#core.program.phases)
      for (const rule of rules) {
        for (const { operator } of [rule, ...rule.links]) operator.warm?.();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
  }

  /** Ids of the rules that are run for requests and answers, set-up that is always the same left out. */
  get activeRules(): readonly number[] {
    return this.#core.program.phases.flatMap(({ rules }) => rules.map(({ rule }) => rule.id));
  }
}

/** What tells one program of a rule set from another. */
interface ProgramChoice {
  readonly tx: Readonly<Record<string, string>>;
  /** Indexes of rules that are not run. */
  readonly removed: ReadonlySet<number>;
  readonly isOptimized: boolean;
}

function programOf(basis: PolicyBasis, choice: ProgramChoice): Program {
  const { tx, removed, isOptimized } = choice;
  const key = JSON.stringify([tx, [...removed], isOptimized]);
  const known = basis.programs.get(key);
  if (known !== undefined) return known;
  const program = makeProgram(basis, choice);
  basis.programs.set(key, program);
  return program;
}

function makeProgram(
  { steps, compiled, layout }: PolicyBasis,
  { tx, removed, isOptimized }: ProgramChoice,
): Program {
  const initialTx = new Map<ByteString, ByteString>();
  for (const [name, value] of Object.entries(tx)) {
    layout.slotOf(name.toLowerCase());
    initialTx.set(name.toLowerCase(), value);
  }
  const folder = new ConstantFolder({ layout, initialTx, rules: compiled.values() });
  const isKept = (place: Place) => place.kind === "marker" || !removed.has(place.rule.index);
  const phases = Array.from({ length: PHASES }, (_, at) => {
    const places = placesOf(steps, compiled, at + 1).filter(isKept);
    return phaseProgram(isOptimized ? folder.fold(places, at + 1 === RESPONSE_BODY) : places);
  });
  return { phases, initialTx: folder.initialSlots() };
}
