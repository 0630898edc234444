import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LongestBeginning } from "./longest-beginning.ts";

const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 6 });

test("it is the longest of those that the text begins with", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), text, (keys, wanted) => {
      const longest = keys
        .filter((key) => wanted.startsWith(key))
        .sort((a, b) => b.length - a.length)[0];
      expect(new LongestBeginning(new Set(keys)).of(wanted)).toBe(longest);
    }),
    { numRuns: 2_000 },
  );
});
