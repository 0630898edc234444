/**
 * Counts the steps a backtracking engine takes for repeated bytes, by doing what it does; in bounded time and without a
 * clock, so that every machine comes to the same answer. What it has not tried it cannot know: never the only guard.
 */
import { GroupMatcher } from "./group-matcher.ts";
import { compileLinear } from "./linear-program.ts";
import type { Pattern } from "./pattern-tree.ts";

const SHORT_BYTES = 96;
const LONG_BYTES = 192;
/** Quadratic steps grow fourfold with twice the length, cubic ones eightfold. */
const QUADRATIC_GROWTH = 5;
/** Steps for one value; a quadratic pattern of ordinary size takes a tenth. */
const VALUE_STEPS_LIMIT = 400_000;
/** Steps for all pumps of a pattern, some 100 ms; raised, a pattern of an operator's delays the start longer. */
const TOTAL_STEPS_LIMIT = 4_000_000;

/** Whether no byte and no two bytes of the pattern's own, repeated, take more than quadratic steps. In doubt it does not say so. */
export function isQuadraticOnPumps(pattern: Pattern): boolean {
  let total = 0;
  const matcher = new GroupMatcher(pattern, VALUE_STEPS_LIMIT);
  for (const pump of pumpsOf(pattern)) {
    const short = stepsFor(matcher, pump, SHORT_BYTES);
    const long = stepsFor(matcher, pump, LONG_BYTES);
    total += short + long;
    if (long >= VALUE_STEPS_LIMIT || long > QUADRATIC_GROWTH * short) return false;
    if (total > TOTAL_STEPS_LIMIT) return false;
  }
  return true;
}

function stepsFor(matcher: GroupMatcher, pump: string, lengthBytes: number): number {
  matcher.visits = 0;
  const value = pump.repeat(Math.ceil(lengthBytes / pump.length)).slice(0, lengthBytes);
  matcher.match(value, { start: 0, end: value.length });
  return matcher.visits;
}

/** One byte of each class that the pattern tells apart, alone and beside its neighbour. */
function pumpsOf(pattern: Pattern): string[] {
  const { classOf, classCount } = compileLinear(pattern, "forward");
  const bytes = Array.from({ length: classCount }, (_, number) =>
    String.fromCharCode(classOf.indexOf(number)),
  );
  return [...bytes, ...bytes.slice(1).map((byte, i) => (bytes[i] ?? "") + byte)];
}
