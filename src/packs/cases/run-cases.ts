/** Puts the cases to a pack and says where it decides otherwise than expected. It asks the pack's own evaluation, nothing else. */
import { compilePack, type PackDecision } from "../evaluate/evaluator.ts";
import { packContext } from "../fields.ts";
import type { Pack } from "../pack.ts";
import { asksForTime } from "./asks-for-time.ts";
import { CasesRefused, type CaseFinding } from "./case-findings.ts";
import type { Expected, PackCase } from "./pack-case.ts";

/** One thing in which a decision is not as expected. */
export interface CaseDifference {
  readonly of: keyof Expected;
  readonly expected: string;
  readonly got: string;
}

export interface CaseResult {
  readonly case: PackCase;
  readonly decision: PackDecision;
  /** Empty: all is as expected. */
  readonly differences: readonly CaseDifference[];
}

/** Throws `CasesRefused` when the pack asks for the time and a case has none: its answer would be another tomorrow. */
export function runCases(
  pack: Pack,
  cases: readonly PackCase[],
  source: string,
): readonly CaseResult[] {
  if (asksForTime(pack)) requireTimes(cases, source);
  const evaluator = compilePack(pack);
  return cases.map((each) => {
    const decision = evaluator.decide(packContext(each.values), each.nowSeconds ?? 0);
    return { case: each, decision, differences: differencesOf(each.expected, decision) };
  });
}

function requireTimes(cases: readonly PackCase[], source: string): void {
  const [first, ...others] = cases
    .filter(({ nowSeconds }) => nowSeconds === undefined)
    .map(({ line, name }): CaseFinding => ({
      code: "cases.no_time",
      message: `${name}: the pack asks for the time: write now, here or for the whole file`,
      line,
      column: 1,
    }));
  if (first) throw new CasesRefused(source, [first, ...others]);
}

function differencesOf(expected: Expected, decision: PackDecision): CaseDifference[] {
  const got: Readonly<Record<keyof Expected, string | number | undefined>> = {
    output: decision.output,
    wire: decision.wire,
    bit: decision.bitFailed,
    effect: decision.effect,
    status: decision.status,
  };
  const names = Object.keys(expected) as (keyof Expected)[];
  return names
    .filter((name) => (expected[name] ?? undefined) !== got[name])
    .map((of) => ({
      of,
      expected: String(expected[of] ?? "none"),
      got: String(got[of] ?? "none"),
    }));
}
