/** Who is in a share: whoever is named, and a part of all identities that is drawn for each pack. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CanaryDraw, isEmptyShare, type CanaryShare, type ShareSubject } from "./canary-share.ts";

const PACK = "a".repeat(64);
const OTHER_PACK = "b".repeat(64);

const subjectOf = (over: Partial<ShareSubject> = {}): ShareSubject => ({
  key: "user-1",
  groups: new Set(["ops"]),
  route: "churn.v1.predict",
  ...over,
});

describe("a share", () => {
  test.each<[string, CanaryShare, boolean]>([
    ["nobody", {}, false],
    ["a group of the caller's", { groups: ["dev", "ops"] }, true],
    ["another group", { groups: ["dev"] }, false],
    ["the route", { routes: ["churn.v1.predict"] }, true],
    ["another route", { routes: ["churn.v2.predict"] }, false],
    ["everybody", { percent: 100 }, true],
    ["no per cent", { percent: 0 }, false],
    ["another group, and everybody", { groups: ["dev"], percent: 100 }, true],
  ])("of %s", (_name, share, isIn) => {
    expect(new CanaryDraw(share, PACK).has(subjectOf())).toBe(isIn);
  });

  test("by per cent takes no one without an identity", () => {
    const draw = new CanaryDraw({ percent: 100 }, PACK);
    expect(draw.has(subjectOf({ key: "" }))).toBe(false);
  });

  test.each<[CanaryShare, boolean]>([
    [{}, true],
    [{ percent: 0, groups: [], routes: [] }, true],
    [{ percent: 0.1 }, false],
    [{ groups: ["a"] }, false],
    [{ routes: ["a"] }, false],
  ])("%o is empty: %o", (share, isEmpty) => {
    expect(isEmptyShare(share)).toBe(isEmpty);
  });

  test("of a higher per cent only adds to that of a lower", () => {
    const percent = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), percent, percent, (key, one, another) => {
        const [lower, higher] = [Math.min(one, another), Math.max(one, another)];
        const isInLower = new CanaryDraw({ percent: lower }, PACK).has(subjectOf({ key }));
        const isInHigher = new CanaryDraw({ percent: higher }, PACK).has(subjectOf({ key }));
        expect(isInHigher || !isInLower).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is as large as it says, and drawn anew for another pack", () => {
    const keys = Array.from({ length: 20_000 }, (_, at) => `user-${at}`);
    const chosenBy = (pack: string): Set<string> => {
      const draw = new CanaryDraw({ percent: 5 }, pack);
      return new Set(keys.filter((key) => draw.has(subjectOf({ key }))));
    };
    const [one, another] = [chosenBy(PACK), chosenBy(OTHER_PACK)];
    for (const chosen of [one, another]) {
      expect(chosen.size).toBeGreaterThan(850);
      expect(chosen.size).toBeLessThan(1_150);
    }
    // Of those drawn once, a twentieth is drawn again: 50 of 1,000.
    expect([...one].filter((key) => another.has(key)).length).toBeLessThan(120);
  });
});
