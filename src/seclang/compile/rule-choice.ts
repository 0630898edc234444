/** Finds the rules that an update, a removal, an exclusion or a `ctl` names; it must never find a rule by a part of its id. */
import type { ByteString } from "../byte-string.ts";
import type { IdRange, MacroPart } from "../parse/ast.ts";
import { parsePattern } from "../regex/parse-pattern.ts";
import { toRegExp } from "../regex/to-javascript.ts";

/** What rules are chosen by. Tags and messages are patterns, found anywhere in the text, as in ModSecurity. */
export type RuleChoice =
  | { readonly by: "id"; readonly ids: readonly IdRange[] }
  | { readonly by: "tag" | "message"; readonly pattern: ByteString };

/** What a rule is chosen by. */
export interface Choosable {
  readonly id: number;
  readonly tags: readonly ByteString[];
  readonly message: readonly MacroPart[];
}

/** A predicate for the choice. Throws `PatternRefused` for a pattern that cannot be read. */
export function chooses(choice: RuleChoice): (rule: Choosable) => boolean {
  if (choice.by === "id")
    return ({ id }) => choice.ids.some(({ first, last }) => id >= first && id <= last);
  const pattern = toRegExp(parsePattern(choice.pattern));
  return choice.by === "tag"
    ? ({ tags }) => tags.some((tag) => pattern.test(tag))
    : ({ message }) => pattern.test(sourceOf(message));
}

/** A text as it was written, macros included. */
export function sourceOf(parts: readonly MacroPart[]): ByteString {
  return parts.map((part) => (part.kind === "text" ? part.text : part.source)).join("");
}
