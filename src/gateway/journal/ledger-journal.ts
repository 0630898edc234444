/**
 * The runner's journal over the ledger: how durable a decision has to be before it takes effect, and what it means when
 * it cannot be written. It must never let an answer out that is on no record while the operator asked for one.
 */
import type { Ledger } from "../../ledger/ledger.ts";
import type { Journal, Resolution } from "../../pipeline/journal.ts";
import type { Outcome } from "../../pipeline/outcome.ts";
import { Fault, rejection, type Rejection } from "../../pipeline/rejection.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { DecisionLines } from "./decision-line.ts";

/**
 * `strict`: the decision is on disk before the upstream is called, the outcome before the caller is answered. `group`:
 * one entry, on disk before the answer. `async`: written behind the answer; a crash may lose the last moments.
 */
export type Durability = "strict" | "group" | "async";

export interface JournalOptions {
  readonly ledger: Pick<Ledger, "append" | "post" | "state">;
  readonly lines: DecisionLines;
  readonly durability: Durability;
  /** `deny`: nothing is decided while nothing can be recorded. `degrade`: requests go on, and what was lost is counted. */
  readonly onFailure: "deny" | "degrade";
  /** Told of each line that is lost. */
  readonly onLost: () => void;
}

const DONE = (): void => undefined;
const UNAVAILABLE = rejection("ledger.unavailable", { cause: "the ledger cannot be written" });

export class LedgerJournal implements Journal {
  readonly isStrict: boolean;
  readonly #options: JournalOptions;
  /** Requests whose call is on record already: they get an outcome, not a second decision. */
  readonly #begun = new WeakSet<RequestContext>();

  constructor(options: JournalOptions) {
    this.#options = options;
    this.isStrict = options.durability === "strict";
  }

  refusal(): Rejection | undefined {
    const { ledger, onFailure } = this.#options;
    return onFailure === "deny" && ledger.state === "failed" ? UNAVAILABLE : undefined;
  }

  beforeForward(context: RequestContext): Promise<void> {
    // Only once it is on record: an outcome behind nothing would be a decision that nobody can find.
    return this.#append(
      () => this.#options.lines.begun(context),
      () => void this.#begun.add(context),
    );
  }

  beforeAnswer(resolution: Resolution): Promise<void> | undefined {
    const { lines, durability } = this.#options;
    const members = (): string =>
      this.#begun.has(resolution.context) ? lines.outcome(resolution) : lines.decision(resolution);
    if (durability !== "async") return this.#append(members);
    this.#post(members);
    return undefined;
  }

  afterEnd(outcome: Outcome): void {
    this.#post(() => this.#options.lines.outcome({ ...outcome, body: undefined }));
  }

  #append(members: () => string, onDurable: () => void = DONE): Promise<void> {
    try {
      // Not an async function: this runs for every request, and would be two more promises.
      return this.#options.ledger.append(members()).then(onDurable, this.#failed);
    } catch (error) {
      return new Promise((resolve) => resolve(this.#failed(error)));
    }
  }

  /** Throws where the operator wants no answer without a record. */
  readonly #failed = (error: unknown): void => {
    const { onFailure, onLost } = this.#options;
    onLost();
    if (onFailure === "degrade") return;
    const said = "the decision could not be recorded";
    throw new Fault("ledger.unavailable", said, { cause: error });
  };

  /** Without waiting; a line that cannot even be made (its salt cannot be had) is lost like one that cannot be written. */
  #post(members: () => string): void {
    const { ledger, onLost } = this.#options;
    try {
      if (!ledger.post(members())) onLost();
    } catch {
      onLost();
    }
  }
}
