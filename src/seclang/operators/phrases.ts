/**
 * Matching of many phrases at once, shared by `@pm` and `@pmFromFile`; it must never depend on the case of ASCII letters
 * or on the order of the phrases.
 */
import type { ByteString } from "../byte-string.ts";
import { AhoCorasick } from "../literals/aho-corasick.ts";
import { OperatorRefused, type CompiledOperator } from "./operator.ts";

/** An operator that matches when the value holds any of the phrases, and captures the first one found. */
export function matchingPhrases(phrases: readonly ByteString[]): CompiledOperator {
  if (phrases.length === 0) {
    throw new OperatorRefused("operator.argument_invalid", "there is no phrase to look for");
  }
  // Made at the first value that needs it: most lists never see one, since a filter knows their phrases already.
  let made: AhoCorasick | undefined;
  const automaton = () => (made ??= new AhoCorasick(phrases, { ignoreCase: true }));
  return {
    mandatory: phrases,
    test: (value) => automaton().test(value),
    captures: (value) => {
      const found = automaton().firstMatch(value);
      return found === undefined ? [] : [value.slice(found.start, found.end)];
    },
  };
}
