import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LinearPattern } from "../../patterns/linear-pattern.ts";
import { PatternWalk } from "./pattern-walk.ts";

const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("a", "b", "[ab]", "[^a]", ".", "^", "$", "é", ""),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => a + b),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}")).map(([a, q]) => `(?:${a})${q}`),
  ),
})).node;

test("after each character it says what the whole pattern says of the text so far", () => {
  const text = fc.array(fc.constantFrom("a", "b", "é", "\n"), { maxLength: 6 });
  fc.assert(
    fc.property(pattern, text, (source, characters) => {
      const walk = new PatternWalk(source);
      const whole = new LinearPattern(source);
      let place = walk.start;
      let sofar = "";
      expect(place.isMatch).toBe(whole.test(sofar));
      for (const character of characters) {
        place = walk.step(place, character);
        sofar += character;
        expect(place.isMatch).toBe(whole.test(sofar));
        if (place.isSettled) expect(whole.test(`${sofar}b\né`)).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});
