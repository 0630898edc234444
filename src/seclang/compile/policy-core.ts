/** What all transactions of a policy share: the program, the settings, the filter's choice of rules. Immutable but for what caches learn. */
import type { FieldKinds } from "../collections/arguments.ts";
import type { Filter } from "../filter/filter.ts";
import type { FilterSession } from "../filter/filter-session.ts";
import type { CollectionStore } from "../transaction/stored-collections.ts";
import type { RemovedTarget } from "../transaction/transaction-state.ts";
import type { TxLayout } from "../transaction/tx-variables.ts";
import type { Program } from "./program.ts";
import type { EngineSettings } from "./settings.ts";

export interface PolicyCore {
  readonly settings: EngineSettings;
  readonly layout: TxLayout;
  readonly ruleCount: number;
  readonly program: Program;
  readonly store: CollectionStore;
  readonly filter: Filter;
  readonly fieldKind: FieldKinds | undefined;
  /** Whether JSON and base64 inside of values become arguments of their own. */
  readonly expandsEmbedded: boolean;
  /** Whether a body that its processor could not read is refused, whatever the rules say of it. */
  readonly refusesUnreadable: boolean;
  readonly onBudget: "deny" | "mark";
  readonly budgetMs: number;
  /** Targets that the policy takes from rules, by rule index. */
  readonly removedTargets: ReadonlyMap<number, readonly RemovedTarget[]>;
  /** A session for one transaction, to be given back when it ends. Undefined: every rule is run. */
  openSession(): FilterSession | undefined;
  closeSession(session: FilterSession): void;
}
