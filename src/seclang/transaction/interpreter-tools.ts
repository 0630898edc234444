/** What the interpreter asks of the inspection it works for. */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import type { CompiledRule } from "../compile/compile-rule.ts";
import type { PhaseProgram } from "../compile/program.ts";
import type { RemovedTarget } from "./transaction-state.ts";

/** What the interpreter needs besides the rules and the state. */
export interface InterpreterTools {
  /** Targets that the policy takes from rules, by rule index. */
  readonly removedTargets: ReadonlyMap<number, readonly RemovedTarget[]>;
  /** The positions of the phase's rules, ascending, without those of which the filter is sure that they match nothing. */
  positionsIn(program: PhaseProgram): readonly number[];
  /** False only where it is sure that the head of the rule matches nothing now; asked of rules at these positions. */
  mayMatch(rule: CompiledRule): boolean;
  /** The entries that the rule's head matches, when the filter knows them; it looks at no others. */
  flaggedEntries(rule: CompiledRule): ReadonlySet<Entry> | undefined;
  /** What a transformation chain makes of an entry's value; kept for the next rule with the same chain. */
  transform(entry: Entry, chain: number): ByteString;
  /** Called after each value of a rule, as `isOverdue`. */
  isOverdueAfter(value: ByteString): boolean;
  /** Called between rules. True: stop for now and be called again. Throws when the budget is spent. */
  isOverdue(): boolean;
}
