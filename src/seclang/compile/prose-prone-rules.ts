/** Tells which rules were made for input that is no prose: on text for a model they would refuse ordinary sentences. */
import { PROSE_PRONE_IDS, PROSE_PRONE_TAGS, PROSE_SAFE_IDS } from "./prose-prone.ts";
import type { HeadRule } from "./rule.ts";

const tagsOfProneRules = new Set(PROSE_PRONE_TAGS);
const proneIds = new Set(PROSE_PRONE_IDS);
const safeIds = new Set(PROSE_SAFE_IDS);

/** Whether the rule leaves PROMPTS alone unless it names them. */
export function isProseProne({ id, tags }: Pick<HeadRule, "id" | "tags">): boolean {
  if (safeIds.has(id)) return false;
  return proneIds.has(id) || tags.some((tag) => tagsOfProneRules.has(tag));
}
