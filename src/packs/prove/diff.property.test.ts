/** The difference of two packs against plain counting: no change is missed, and every example shows its own. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compilePack, type PackDecision } from "../evaluate/evaluator.ts";
import { packContext, type FieldValues } from "../fields.ts";
import { diffPacks, type Outcome } from "./diff.ts";
import type { ExampleRequest } from "./example.ts";
import {
  everyRequest,
  isLeftOpen,
  smallPackPairs,
  smallPacks,
  type SmallPack,
} from "./small-packs.test-support.ts";

const key = ({ output, effect, status, reason }: Outcome): string =>
  [output, effect, status, reason].join(" ");

function decided({ pack }: SmallPack, { context, nowSeconds }: ExampleRequest): PackDecision {
  const values = Object.entries(context).map(([name, value]) => [
    name,
    Array.isArray(value) ? new Set(value as string[]) : value,
  ]);
  return compilePack(pack).decide(
    packContext(Object.fromEntries(values) as FieldValues),
    nowSeconds ?? 0,
  );
}

test("the changes are those of every request", () => {
  fc.assert(
    fc.property(smallPackPairs, ([a, b]) => {
      const { isComplete, changes } = diffPacks(a.pack, b.pack);
      expect(isComplete).toBe(true);
      const told = new Set(changes.map(({ from, to }) => `${key(from)} -> ${key(to)}`));
      const sides = [a, b].map(({ pack }) => compilePack(pack));
      for (const { said } of everyRequest(a, (context, now) =>
        sides.map((side) => key(side.decide(context, now))),
      ))
        if (said[0] !== said[1]) expect(told).toContain(said.join(" -> "));
      for (const { from, to, example } of changes) {
        if (!example) {
          expect(isLeftOpen(a.text + b.text)).toBe(true);
          continue;
        }
        expect(key(decided(a, example))).toBe(key(from));
        expect(key(decided(b, example))).toBe(key(to));
      }
    }),
    { numRuns: 120 },
  );
});

test("a pack differs in nothing from itself", () => {
  fc.assert(
    fc.property(smallPacks, ({ pack }) => {
      expect(diffPacks(pack, pack)).toEqual({ isComplete: true, changes: [] });
    }),
    { numRuns: 200 },
  );
});
