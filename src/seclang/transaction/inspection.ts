/** Runs phases over what was read: filter first, then the interpreter, within the budget of time, at once or in slices. */
import type { ByteString } from "../byte-string.ts";
import { Entry, PART } from "../collections/entry.ts";
import type { Parts } from "../collections/parts.ts";
import type { CompiledRule } from "../compile/compile-rule.ts";
import type { PolicyCore } from "../compile/policy-core.ts";
import { type PhaseProgram, positionsOf } from "../compile/program.ts";
import type { FilterSession } from "../filter/filter-session.ts";
import { ValueTooLong } from "../regex/rule-matcher.ts";
import { CpuBudget } from "./cpu-budget.ts";
import type { InterpreterTools } from "./interpreter-tools.ts";
import { PhaseRun, type PhaseEnd } from "./interpreter.ts";
import { MatchLog } from "./match-log.ts";
import { surelyFails } from "./plain-head.ts";
import type { EngineFault, Interruption, TransactionReport, Verdict } from "./report.ts";
import { TransactionState } from "./transaction-state.ts";

const RESPONSE_BODY = 4;
/** Milliseconds of work before the event loop gets its turn; asked for are at most 5 between two turns. */
const SLICE_MS = 2;
/** The clock is read once in so many questions: reading it costs as much as running a small rule. */
const CLOCK_STRIDE = 16;
/** Inside of a rule the clock is read once in so many bytes of values, each question counting as `QUESTION_BYTES` more. */
const CLOCK_BYTES = 16_384;
const QUESTION_BYTES = 256;
const REFUSED_STATUS = {
  "waf.body_too_large": 413,
  "waf.body_unreadable": 400,
  "waf.budget_exceeded": 403,
  "waf.value_too_long": 403,
} as const;

/** Thrown between two units of work when the transaction's CPU budget is spent. */
class BudgetSpent extends Error {}

export class Inspection implements InterpreterTools {
  readonly state: TransactionState;
  readonly #policy: PolicyCore;
  #session: FilterSession | undefined;
  readonly #log = new MatchLog();
  #pending: Entry[] = [];
  #interruption: Interruption | undefined;
  #wouldInterrupt: Interruption | undefined;
  #fault: EngineFault | undefined;
  /** Phases that `allow` ended: 2 ends the request's, 4 all but logging. */
  #allowedUntil = 0;
  readonly #budget: CpuBudget;
  #sliceEndsMs = Infinity;
  #questions = 0;
  #bytesAsked = 0;

  constructor(policy: PolicyCore) {
    this.#policy = policy;
    const { settings, layout, program, store } = policy;
    this.state = new TransactionState({
      layout,
      initialTx: program.initialTx,
      controls: {
        engine: settings.engine,
        processor: undefined,
        isBodyVariableForced: false,
        hasRequestBodyAccess: settings.hasRequestBodyAccess,
        hasResponseBodyAccess: settings.hasResponseBodyAccess,
        requestBodyLimitBytes: settings.requestBodyLimitBytes,
        responseBodyLimitBytes: settings.responseBodyLimitBytes,
      },
      store,
      nowMs: Date.now(),
      ruleCount: policy.ruleCount,
    });
    this.#budget = new CpuBudget(policy.budgetMs);
    this.#session = policy.openSession();
  }

  get removedTargets(): PolicyCore["removedTargets"] {
    return this.#policy.removedTargets;
  }

  get verdict(): Verdict {
    return this.#interruption;
  }

  get isOver(): boolean {
    return this.#interruption !== undefined;
  }

  /** What was added since the last phase. */
  get pendingEntries(): number {
    return this.#pending.length;
  }

  add(parts: Parts): void {
    this.state.addParts(parts);
    for (const entry of parts.entries) this.#pending.push(entry);
  }

  /** The engine's own refusal; in detection-only mode it is only noted. */
  refuse(fault: EngineFault): void {
    this.#fault ??= fault;
    const interruption: Interruption = {
      action: "deny",
      status: REFUSED_STATUS[fault],
      ruleId: 0,
    };
    if (this.state.controls.engine === "on") this.#interruption ??= interruption;
    else this.#wouldInterrupt ??= interruption;
  }

  /** Counts the work's time. */
  measured<T>(work: () => T): T {
    this.#budget.start();
    try {
      return work();
    } finally {
      this.#budget.stop();
    }
  }

  runAtOnce(phase: number): Verdict {
    const run = this.#begin(phase);
    if (run === undefined) return this.#interruption;
    for (let isDone = false; !isDone;) isDone = this.#go(run);
    return this.#interruption;
  }

  /** Phase 4 over the part of a stream that is in sight. */
  runOnWindow(text: ByteString): void {
    const { phases } = this.#policy.program;
    const body = new Entry(PART.responseBody, "", text);
    this.state.replaceEntries(body);
    this.#session?.forget(PART.responseBody);
    this.#pending = [body];
    const before = this.#log.rules.length;
    this.runAtOnce(RESPONSE_BODY);
    const matched = new Set(this.#log.rules.slice(before).map(({ id }) => id));
    // WHY: the next window begins with the end of this one, and would count the same match again.
    for (const rule of phases[RESPONSE_BODY - 1]?.rules ?? [])
      if (matched.has(rule.rule.id) && rule.filters !== undefined)
        this.state.removeRule(rule.index);
  }

  async runInSlices(phase: number): Promise<Verdict> {
    const run = this.#begin(phase);
    if (run === undefined) return this.#interruption;
    for (let isDone = false; !isDone;) {
      this.#sliceEndsMs = performance.now() + SLICE_MS;
      isDone = this.measured(() => this.#go(run));
      if (!isDone) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#sliceEndsMs = Infinity;
    return this.#interruption;
  }

  #begin(phase: number): PhaseRun | undefined {
    const isLogging = phase === 5;
    if (!isLogging && (this.isOver || phase <= this.#allowedUntil)) return undefined;
    if (this.state.controls.engine === "off") return undefined;
    const program = this.#policy.program.phases[phase - 1];
    if (program === undefined) return undefined;
    if (!isLogging) {
      this.#session?.begin(this.#pending);
      this.#pending = [];
    }
    return new PhaseRun(program, { state: this.state, log: this.#log, tools: this });
  }

  /** Works until the phase ends (true) or the slice does (false). */
  #go(run: PhaseRun): boolean {
    try {
      if (this.#session?.resume(this.#isOverdue) === false) return false;
      const end = run.run();
      this.#wouldInterrupt ??= run.wouldInterrupt;
      if (end === undefined) return false;
      this.#conclude(end);
    } catch (error) {
      if (error instanceof BudgetSpent) this.#overBudget();
      else if (error instanceof ValueTooLong) this.refuse("waf.value_too_long");
      else throw error;
    }
    return true;
  }

  #conclude(end: PhaseEnd): void {
    if (end.kind === "interrupted") this.#interruption = end.interruption;
    if (end.kind !== "allowed" || end.scope === "phase") return;
    this.#allowedUntil = end.scope === "request" ? 2 : 4;
  }

  /** What is not inspected does not pass, unless the operator chose to mark it only. */
  #overBudget(): void {
    if (this.#policy.onBudget === "deny") this.refuse("waf.budget_exceeded");
    else this.#fault ??= "waf.budget_exceeded";
  }

  readonly #isOverdue = (): boolean => this.isOverdue();

  isOverdue(): boolean {
    const isSliced = this.#sliceEndsMs !== Infinity;
    if (!isSliced && ++this.#questions % CLOCK_STRIDE !== 0) return false;
    const now = performance.now();
    if (this.#budget.isSpent(now)) throw new BudgetSpent();
    return now >= this.#sliceEndsMs;
  }

  /** Here and in `mayMatch` rules are spared; without the filter every rule is run, which tests compare with. */
  positionsIn(program: PhaseProgram): readonly number[] {
    const session = this.#session;
    if (session === undefined) return [...program.rules.keys()];
    return positionsOf(program, session.matchedRules);
  }

  mayMatch(rule: CompiledRule): boolean {
    const isSure = this.#session !== undefined && rule.hasPlainHead;
    return !isSure || !surelyFails(rule, this.state, this);
  }

  flaggedEntries({ filters }: CompiledRule): ReadonlySet<Entry> | undefined {
    const session = this.#session;
    if (session === undefined || filters === undefined) return undefined;
    if (filters.length === 1) return new Set(session.entriesOf(filters[0]?.index ?? -1));
    return new Set(filters.flatMap(({ index }) => session.entriesOf(index) ?? []));
  }

  transform(entry: Entry, chain: number): ByteString {
    return chain === 0 ? entry.value : this.#policy.filter.transform(entry, chain);
  }

  /** WHY by bytes: a rule may ask about thousands of values, or about a few of a megabyte. */
  isOverdueAfter(value: ByteString): boolean {
    this.#bytesAsked += value.length + QUESTION_BYTES;
    if (this.#bytesAsked < CLOCK_BYTES) return false;
    this.#bytesAsked = 0;
    const now = performance.now();
    if (this.#budget.isSpent(now)) throw new BudgetSpent();
    return now >= this.#sliceEndsMs;
  }

  /** Ends the work: what was borrowed is given back. */
  close(): void {
    this.state.saveCollections();
    if (this.#session !== undefined) this.#policy.closeSession(this.#session);
    this.#session = undefined;
  }

  report(): TransactionReport {
    return {
      interruption: this.#interruption,
      wouldInterrupt: this.#wouldInterrupt,
      fault: this.#fault,
      matched: this.#log.rules,
      scores: this.state.scores(),
      micros: Math.round(this.#budget.spentMs * 1_000),
    };
  }
}
