/** Tells where the engine's time goes, by wrapping its inner steps: for benchmarks alone, since it slows what it measures. */
import { FilterSession } from "../../src/seclang/filter/filter-session.ts";
import { PlannedValue } from "../../src/seclang/filter/planned-value.ts";
import type { PhaseProgram } from "../../src/seclang/compile/program.ts";
import { RuleMatcher } from "../../src/seclang/regex/rule-matcher.ts";
import { Inspection } from "../../src/seclang/transaction/inspection.ts";
import { PhaseRun } from "../../src/seclang/transaction/interpreter.ts";

/** Milliseconds by place, such as `t:lowercase`, `scan`, `rule 942100`. */
export type CostPlaces = ReadonlyMap<string, number>;

type Method = (this: object, ...args: never[]) => unknown;

const places = new Map<string, number>();
const ruleOfFilter = new Map<number, number>();

function add(place: string, startedAt: number): void {
  places.set(place, (places.get(place) ?? 0) + performance.now() - startedAt);
}

/** Puts a stop watch around a method; `place` is asked afterwards. */
function watch(
  prototype: object,
  name: string,
  place: (self: object, args: readonly unknown[]) => string,
): void {
  const original = Reflect.get(prototype, name) as Method;
  Reflect.set(prototype, name, function timed(this: object, ...args: never[]): unknown {
    const startedAt = performance.now();
    try {
      return original.apply(this, args);
    } finally {
      add(place(this, args), startedAt);
    }
  });
}

interface Steps {
  readonly steps: readonly { readonly transformation?: { readonly name: string } }[];
}

/** From now on all work is timed. Places inside of others count twice: `interpreter` holds its rules' captures. */
export function watchCosts(): void {
  watch(PlannedValue.prototype, "run", (self, [at]) => {
    const step = (self as Steps).steps[at as number];
    return `t:${step?.transformation?.name ?? "none"}`;
  });
  watch(PlannedValue.prototype, "begin", () => "classes");
  watch(FilterSession.prototype, "scanLiterals", () => "scan");
  watch(FilterSession.prototype, "test", (_, [index]) => {
    const id = ruleOfFilter.get(index as number);
    return `rule ${id ?? `#${String(index)}`}`;
  });
  watch(PhaseRun.prototype, "run", () => "interpreter");
  watch(RuleMatcher.prototype, "captures", () => "captures");
  watch(Inspection.prototype, "measured", () => "all");
  watch(Inspection.prototype, "mayMatch", () => "questions");
  watch(Inspection.prototype, "positionsIn", (_, [asked]) => {
    for (const { filters = [], rule } of (asked as PhaseProgram).rules)
      for (const { index } of filters) ruleOfFilter.set(index, rule.id);
    return "positions";
  });
}

/** What was spent since the last call, and begins anew. */
export function takeCosts(): CostPlaces {
  const taken = new Map([...places].toSorted(([, a], [, b]) => b - a));
  places.clear();
  return taken;
}
