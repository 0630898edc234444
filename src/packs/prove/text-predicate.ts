/** What a test of a text says of one known text, exactly as evaluation would. */
import { LinearPattern } from "../../patterns/linear-pattern.ts";
import type { TextTest } from "./comparison.ts";

export function textPredicate(test: TextTest): (text: string) => boolean {
  switch (test.operator) {
    case "IN":
      return (text) => test.texts.includes(text);
    case "STARTS_WITH":
      return (text) => text.startsWith(test.text);
    case "ENDS_WITH":
      return (text) => text.endsWith(test.text);
    case "CONTAINS":
      return (text) => text.includes(test.text);
    case "PREFIX_OF":
      return (text) => test.text.startsWith(text);
    case "SUFFIX_OF":
      return (text) => test.text.endsWith(text);
    case "PART_OF":
      return (text) => test.text.includes(text);
    case "MATCHES": {
      const pattern = new LinearPattern(test.text);
      return (text) => pattern.test(text);
    }
  }
}
