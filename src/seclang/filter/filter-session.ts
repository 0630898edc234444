/**
 * Runs the filter over the entries of one message, in units small enough to stop between; it must never report less
 * because it was stopped and went on later.
 */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import { FoundLiterals } from "../literals/literal-finder.ts";
import { lowercase } from "../transformations/letter-case.ts";
import { NOT_LIVE, type Plan } from "./plan.ts";
import { PlannedValue } from "./planned-value.ts";
import { hasAllSets, isDirect } from "./rule-table.ts";
import type { FilterSelection } from "./selection.ts";
import type { VerdictCache } from "./verdict-cache.ts";

const NO_RULES: readonly number[] = [];

/** Asking for the time after each unit costs more than the units of a short value; raised, slices of time get longer. */
const SHORT_BYTES = 512;

/**
 * Reusable: one for each transaction that may be stopped, or one for all that are not. Reports stay until `reset`.
 */
export class FilterSession {
  private readonly selection: FilterSelection;
  private readonly entriesOfRule: (Entry[] | undefined)[];
  private readonly matched: number[] = [];
  private readonly found: FoundLiterals;
  private readonly value = new PlannedValue();
  private readonly isCandidate: Uint8Array;
  private readonly candidates: number[] = [];
  private entries: readonly Entry[] = [];
  private entryAt = 0;
  private isOpen = false;
  // Of the entry that is open: where the work on it stands.
  private plan: Plan | undefined = undefined;
  private stepAt = 0;
  private scanAt = 0;
  private candidateAt = 0;
  private lowerName: ByteString | undefined = undefined;
  private cache: VerdictCache | undefined = undefined;
  private rulesOfEntry: number[] = [];

  constructor(selection: FilterSelection) {
    const { rules, finder } = selection.basis;
    this.selection = selection;
    this.entriesOfRule = Array.from({ length: rules.length });
    this.isCandidate = new Uint8Array(rules.length);
    this.found = new FoundLiterals(finder);
  }

  /** The rules that matched, in no order. */
  get matchedRules(): readonly number[] {
    return this.matched;
  }

  /** The entries that the rule matched, in the order they were given; undefined if there is none. */
  entriesOf(rule: number): readonly Entry[] | undefined {
    return this.entriesOfRule[rule];
  }

  /** Forgets all reports and what is left to do. */
  reset(): void {
    for (const rule of this.matched) this.entriesOfRule[rule] = undefined;
    this.matched.length = 0;
    if (this.isOpen) this.close();
    this.entries = [];
  }

  /** Forgets what was reported of the entries of a part, because they are no longer there. */
  forget(part: number): void {
    const matched = this.matched.splice(0);
    for (const rule of matched) {
      const kept = this.entriesOfRule[rule]?.filter((entry) => entry.part !== part) ?? [];
      this.entriesOfRule[rule] = kept.length > 0 ? kept : undefined;
      if (kept.length > 0) this.matched.push(rule);
    }
  }

  /** Adds what the entries match to the reports. */
  scan(entries: readonly Entry[]): void {
    this.begin(entries);
    this.resume();
  }

  /** For `resume`. What another `begin` left undone is dropped. */
  begin(entries: readonly Entry[]): void {
    if (this.isOpen) this.close();
    this.entries = entries;
    this.entryAt = 0;
  }

  /**
   * Goes on until all is done (true) or, between two units of work, `isOverdue` says so (false). A unit is at most one
   * transformation or scan of one value, or one test of a rule, or all of that of a short value; each call does at least
   * one.
   */
  resume(isOverdue?: () => boolean): boolean {
    while (this.entryAt < this.entries.length) {
      const entry = this.entries[this.entryAt];
      if (entry === undefined) break;
      if (!this.isOpen) this.open(entry);
      if (isOverdue === undefined || entry.value.length <= SHORT_BYTES) {
        while (this.advance(entry));
      } else while (this.advance(entry)) if (isOverdue()) return false;
      this.remember(entry);
      this.close();
      this.entryAt += 1;
      if (isOverdue?.() === true && this.entryAt < this.entries.length) return false;
    }
    this.entries = [];
    return true;
  }

  /** WHY the constant: an empty list of this session is written to again, what is remembered must never change. */
  private remember({ name, value }: Entry): void {
    const rules = this.rulesOfEntry;
    this.cache?.set(name, value, rules.length === 0 ? NO_RULES : rules);
  }

  private open(entry: Entry): void {
    this.isOpen = true;
    const { part, value } = entry;
    const cache = this.selection.verdictsOn(part, value);
    const known = cache?.get(entry.name, value);
    if (known !== undefined) {
      for (const rule of known) this.report(rule, entry);
      return;
    }
    this.cache = cache;
    const { marks, kinds } = this.value.begin(value);
    this.plan = this.selection.planFor(this.selection.groupOf(entry), marks, kinds);
    this.value.follow(this.plan.steps);
  }

  private close(): void {
    for (const rule of this.candidates) this.isCandidate[rule] = 0;
    this.candidates.length = 0;
    if (this.rulesOfEntry.length > 0) this.rulesOfEntry = [];
    this.value.end();
    this.stepAt = 0;
    this.scanAt = 0;
    this.candidateAt = 0;
    this.lowerName = undefined;
    this.cache = undefined;
    this.isOpen = false;
  }

  /** One unit of work; false if nothing is left. First all steps, then scans, then tests. */
  private advance(entry: Entry): boolean {
    const { steps } = this.value;
    if (this.stepAt < steps.length) {
      this.value.run(this.stepAt);
      this.stepAt += 1;
      return true;
    }
    if (this.scanAt < steps.length) {
      this.scanGroup(this.scanAt);
      this.scanAt += 1;
      return true;
    }
    const rule = this.candidates[this.candidateAt];
    if (rule === undefined) return false;
    this.candidateAt += 1;
    this.test(rule, entry);
    return true;
  }

  /** Makes candidates of the rules of a step that need no literal, and of those whose literals its value holds. */
  private scanGroup(at: number): void {
    const { value } = this;
    const step = value.steps[at];
    const state = value.stateAt(at);
    if (step === undefined) return;
    const { conditions } = this.selection.basis;
    for (const rule of step.direct) {
      const each = conditions[rule];
      if (each !== undefined && isDirect(each, state)) this.addCandidate(rule);
    }
    if (state.group !== at) return;
    if (state.needsScan) this.scanLiterals(at);
  }

  private scanLiterals(group: number): void {
    const { finder, ruleLiterals } = this.selection.basis;
    const { found } = this;
    finder.collect(this.value.textOf(group), found);
    if (found.count === 0) return;
    const { starts, lookups } = ruleLiterals;
    const scanOf = this.plan?.scanOf;
    for (let hit = 0; hit < found.count; hit += 1) {
      const literal = found.ids[hit] ?? 0;
      const end = starts[literal + 1] ?? 0;
      for (let at = starts[literal] ?? 0; at < end; at += 1) {
        const lookup = lookups[at] ?? 0;
        const step = scanOf?.[lookup] ?? NOT_LIVE;
        if (step !== NOT_LIVE && this.value.stateAt(step).group === group)
          this.addCandidate(lookup >> 1);
      }
    }
    found.clear();
  }

  private addCandidate(rule: number): void {
    if (this.isCandidate[rule] === 1) return;
    const conditions = this.selection.basis.conditions[rule];
    const { marks, kinds } = this.value.stateAt(this.plan?.stepOf[rule] ?? 0);
    if (conditions === undefined || !hasAllSets(conditions, marks, kinds)) return;
    this.isCandidate[rule] = 1;
    this.candidates.push(rule);
  }

  private test(index: number, entry: Entry): void {
    const rule = this.selection.basis.rules[index];
    if (rule === undefined) return;
    if (rule.reads !== undefined) {
      this.lowerName ??= lowercase(entry.name);
      if (!rule.reads(entry.part, this.lowerName)) return;
    }
    if (!rule.test(this.value.textOf(this.plan?.stepOf[index] ?? 0))) return;
    if (this.cache !== undefined) this.rulesOfEntry.push(index);
    this.report(index, entry);
  }

  private report(rule: number, entry: Entry): void {
    const entries = this.entriesOfRule[rule];
    if (entries === undefined) {
      this.entriesOfRule[rule] = [entry];
      this.matched.push(rule);
    } else entries.push(entry);
  }
}
