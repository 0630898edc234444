/**
 * The operator detectXSS: whether a value would run script in a page, wherever in the page it lands. One pass for each
 * of five places; it must never throw and never take more than linear time.
 */
import type { ByteString } from "../../byte-string.ts";
import { dangerOfAttribute, isDangerousTag, type AttributeDanger } from "./dangerous-names.ts";
import { isDangerousUrl } from "./dangerous-url.ts";
import { HtmlTokenizer, type HtmlContext } from "./html-tokenizer.ts";

// Conditional comments, XML islands, imports and entities are active for old browsers and XML readers.
const ACTIVE_COMMENT_HEADS = ["[if", "xml", "import", "entity"] as const;
const LONGEST_HEAD_LENGTH = 6;

const QUOTED_CONTEXTS: readonly (readonly [HtmlContext, string])[] = [
  ["single", "'"],
  ["double", '"'],
  ["back", "`"],
];

/** Whether the value holds an attack; markup that only formats is none. */
export function detectXss(value: ByteString): boolean {
  const hasTag = value.includes("<");
  const hasAttribute = value.includes("=");
  // Every token that counts begins with "<" or is an attribute's value after "=".
  if (!hasTag && !hasAttribute) return false;
  if (hasTag && isXssIn(value, "text")) return true;
  if (isXssIn(value, "unquoted")) return true;
  return QUOTED_CONTEXTS.some(
    ([context, quote]) => value.includes(quote) && isXssIn(value, context),
  );
}

function isXssIn(value: string, context: HtmlContext): boolean {
  const tokenizer = new HtmlTokenizer(value, context);
  let danger: AttributeDanger | undefined;
  for (let kind = tokenizer.next(); kind !== "end"; kind = tokenizer.next()) {
    if (kind === "doctype") return true;
    if (kind === "text") continue;
    const content = value.slice(tokenizer.start, tokenizer.limit);
    if (kind === "value") {
      if (danger !== undefined && isAttack(danger, content)) return true;
      danger = undefined;
    } else if (kind === "attribute") {
      danger = dangerOfAttribute(content, tokenizer.isInOwnTag);
    } else if (kind === "tag" ? isDangerousTag(content) : isActiveComment(content)) {
      return true;
    }
  }
  return false;
}

function isAttack(danger: AttributeDanger, content: string): boolean {
  switch (danger) {
    case "always":
      return true;
    case "url":
      return isDangerousUrl(content);
    case "attributeName":
      return dangerOfAttribute(content, true) !== undefined;
  }
}

function isActiveComment(comment: string): boolean {
  // Old browsers end a comment's start at a back quote.
  if (comment.includes("`")) return true;
  const head = comment.slice(0, LONGEST_HEAD_LENGTH).toLowerCase();
  return ACTIVE_COMMENT_HEADS.some((active) => head.startsWith(active));
}
