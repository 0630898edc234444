/** Tells which rules were made for input that is no prose: on text for a model they would refuse ordinary sentences. */
import type { HeadRule } from "./rule.ts";

/** Attack classes whose rules look for words and punctuation that ordinary text, code and shell examples hold. */
const PROSE_PRONE_TAGS: ReadonlySet<string> = new Set([
  "attack-rce",
  "attack-sqli",
  "attack-injection-php",
  "attack-xss",
  "attack-lfi",
  "attack-rfi",
]);

/** Whether the rule leaves PROMPTS alone unless it names them. */
export function isProseProne({ tags }: HeadRule): boolean {
  return tags.some((tag) => PROSE_PRONE_TAGS.has(tag));
}
