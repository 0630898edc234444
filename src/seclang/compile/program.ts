/** What the interpreter runs: for each phase its rules in order, and where a match jumps to. Immutable, shared by all transactions of a policy. */
import type { ByteString } from "../byte-string.ts";
import type { CompiledRule } from "./compile-rule.ts";
import type { Step } from "./rule.ts";

export interface PhaseProgram {
  readonly rules: readonly CompiledRule[];
  /** By position: where to go on after a match; the next rule unless the rule skips. */
  readonly next: readonly number[];
  /** The positions of the rules that no filter tells about, ascending. */
  readonly unfiltered: readonly number[];
  /** By the number of a filter: the position of its rule. */
  readonly positionOf: ReadonlyMap<number, number>;
}

export interface Program {
  /** Phases 1 to 5 at 0 to 4. */
  readonly phases: readonly PhaseProgram[];
  /** TX variables at the start, by slot. */
  readonly initialTx: readonly (ByteString | undefined)[];
}

/** A place of one phase: a rule that is run, one that need not be, which `skip` counts and may name all the same, or a marker. */
export type Place =
  | { readonly kind: "rule" | "gone"; readonly rule: CompiledRule }
  | { readonly kind: "marker"; readonly name: ByteString };

/** The rules and markers of one phase, in file order; markers belong to every phase. */
export function placesOf(
  steps: readonly Step[],
  compiled: ReadonlyMap<number, CompiledRule>,
  phase: number,
): readonly Place[] {
  return steps.flatMap((step): Place[] => {
    if (step.kind === "marker") return [{ kind: "marker", name: step.name }];
    const rule = step.rule.phase === phase ? compiled.get(step.rule.id) : undefined;
    return rule === undefined ? [] : [{ kind: "rule", rule }];
  });
}

/** Where the skip of the rule at `at` leads: a position in `places`, past the end when nothing is left. */
export function skipTarget(places: readonly Place[], at: number): number | undefined {
  const place = places[at];
  const skip = place?.kind === "rule" ? place.rule.rule.skip : undefined;
  if (skip === undefined) return undefined;
  if ("count" in skip) return afterRules(places, at, skip.count);
  const found = places.findIndex(
    (one, position) =>
      position > at &&
      (one.kind === "marker" ? one.name === skip.after : String(one.rule.rule.id) === skip.after),
  );
  return found === -1 ? places.length : found + 1;
}

function afterRules(places: readonly Place[], at: number, count: number): number {
  let left = count;
  let position = at + 1;
  for (; position < places.length && left > 0; position++)
    if (places[position]?.kind !== "marker") left--;
  return position;
}

/** The program of the places that are kept. */
export function phaseProgram(places: readonly Place[]): PhaseProgram {
  const positions: number[] = [];
  let count = 0;
  for (const place of places) {
    positions.push(count);
    if (place.kind === "rule") count++;
  }
  const rules: CompiledRule[] = [];
  const next: number[] = [];
  places.forEach((place, at) => {
    if (place.kind !== "rule") return;
    const target = skipTarget(places, at);
    rules.push(place.rule);
    next.push(target === undefined ? rules.length : (positions[target] ?? count));
  });
  const isUnfiltered = (at: number) => rules[at]?.filters === undefined;
  const filtered = rules.flatMap(({ filters = [] }, at) =>
    filters.map(({ index }): [number, number] => [index, at]),
  );
  return {
    rules,
    next,
    unfiltered: [...rules.keys()].filter(isUnfiltered),
    positionOf: new Map(filtered),
  };
}

/** Where the rules stand that may match, ascending, when these filters found something. */
export function positionsOf(
  { unfiltered, positionOf }: PhaseProgram,
  matched: readonly number[],
): readonly number[] {
  let positions = unfiltered;
  for (const filter of matched) {
    const position = positionOf.get(filter);
    if (position === undefined) continue;
    const at = positions.findIndex((one) => one >= position);
    // With `multiMatch` several filters stand for one rule.
    if (at !== -1 && positions[at] === position) continue;
    positions = positions.toSpliced(at === -1 ? positions.length : at, 0, position);
  }
  return positions;
}
