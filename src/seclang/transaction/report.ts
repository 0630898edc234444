/** What the engine says of a message: whether it may pass, and every rule that matched. Names in it are byte strings. */
import type { ByteString } from "../byte-string.ts";

/** Where a rule matched. */
export interface RuleHit {
  /** The target as ModSecurity names it: `ARGS:json.items.0.sku`, `REQUEST_HEADERS:User-Agent`, `TX:blocking_score`. */
  readonly target: ByteString;
  /** The transformed value that the operator saw. It may hold secrets: never log it unmasked. */
  readonly value: ByteString;
  /** Bytes of the raw value in the body; -1 outside of bodies. */
  readonly start: number;
  readonly end: number;
}

export interface MatchedRule {
  readonly id: number;
  readonly phase: number;
  /** Macros expanded. Empty when the rule has none. */
  readonly message: ByteString;
  /** `logdata`, macros expanded: holds parts of values. */
  readonly data: ByteString;
  /** 0 emergency to 7 debug, as in syslog; undefined when the rule names none. */
  readonly severity: number | undefined;
  readonly tags: readonly ByteString[];
  readonly file: string;
  readonly line: number;
  /** What the chain's links matched, in order; bounded. */
  readonly hits: readonly RuleHit[];
  /** Whether the rule writes a log line (`log`, the default, or `nolog`). Rules that only compute are `nolog`. */
  readonly isLogged: boolean;
  /** Whether it decided the transaction, or would have in detection-only mode. */
  readonly isDisruptive: boolean;
  /** What it added to variables whose name ends in `score`, by lower-case name without `tx.`. */
  readonly scores: Readonly<Record<string, number>>;
}

/** Why a message may not pass. */
export interface Interruption {
  readonly action: "deny" | "drop" | "redirect";
  readonly status: number;
  readonly ruleId: number;
  /** For `redirect`. */
  readonly location?: ByteString;
}

/** The engine's own reasons to refuse; rule 0 in an interruption. */
export type EngineFault =
  | "waf.budget_exceeded"
  | "waf.value_too_long"
  | "waf.body_unreadable"
  | "waf.body_too_large";

/** The end of a phase: `undefined` passes. In detection-only mode it is always undefined; see `wouldInterrupt`. */
export type Verdict = Interruption | undefined;

export interface TransactionReport {
  readonly interruption: Interruption | undefined;
  /** In detection-only mode: what enforcing would have done first. */
  readonly wouldInterrupt: Interruption | undefined;
  readonly fault: EngineFault | undefined;
  readonly matched: readonly MatchedRule[];
  /** TX variables whose names end in `score` and are not 0, lower-case name without `tx.`. */
  readonly scores: Readonly<Record<string, number>>;
  /** CPU time of the engine in microseconds, measured around its own work. */
  readonly micros: number;
}
