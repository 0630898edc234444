/**
 * Text for the inside of a JSON string on one line of a log: escaped so that nothing in it can end the line, the
 * string or a reader's terminal state, redacted, and capped. It must never let a raw control character through.
 */
import { redact, redactCredentials } from "./redaction.ts";

/**
 * Most characters kept of one short field that callers can influence (ids, subject, client). Raised, a caller with long
 * claims fills the operator's disk faster and pushes other lines out of a bounded log.
 */
export const DEFAULT_FIELD_LIMIT_CHARS = 256;

/** Most characters kept of one free text (a cause). Raised, an attacker who causes errors writes more of the log. */
export const DEFAULT_TEXT_LIMIT_CHARS = 2_048;

/** Printable ASCII without `"` and `\`: what stands in a JSON string as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * What JSON lets through and a log must not: DEL and the C1 controls (some terminals obey them), the line and paragraph
 * separators (some readers break lines there), and invisible marks that reorder or hide text.
 */
const UNSAFE_IN_LINE = /[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/**
 * Anything but the plainest id: a character JSON escapes or a secret needs, or the beginning of a known token. WHY one
 * pattern that repeats parts of the secret table: five fields of every request pass here, and this is the whole cost of
 * the ordinary ones. A test holds it against the table.
 */
const NEEDS_CARE =
  /[^0-9A-Za-z._/|~()!*-]|e[wy]|[srp]k[-_]|pck_|A[KS]IA|gh[oprsu]_|_pat|glpat|xox|npm_|hf_|AIza|ya29|hvs|dop_/;

/** Escapes what would break out of a JSON string or of the line; adds no quotes. */
export function escapeJsonText(text: string): string {
  if (PLAIN.test(text)) return text;
  return escapeUnsafe(JSON.stringify(text).slice(1, -1));
}

/** Escapes, in JSON that is already well-formed, the characters JSON leaves raw but a log line must not hold. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE_IN_LINE, toUnicodeEscape);
}

const toUnicodeEscape = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A short field: redacted, capped, escaped. */
export function fieldText(text: string): string {
  if (text.length <= DEFAULT_FIELD_LIMIT_CHARS && !NEEDS_CARE.test(text)) return text;
  return escapeJsonText(capped(redact(text), DEFAULT_FIELD_LIMIT_CHARS));
}

/** A short field of a record that has to name people: like `fieldText`, but e-mail addresses stand. */
export function nameText(text: string): string {
  if (text.length <= DEFAULT_FIELD_LIMIT_CHARS && !NEEDS_CARE.test(text)) return text;
  return escapeJsonText(capped(redactCredentials(text), DEFAULT_FIELD_LIMIT_CHARS));
}

/** A free text: redacted, capped, escaped. */
export function freeText(text: string): string {
  return escapeJsonText(capped(redact(text), DEFAULT_TEXT_LIMIT_CHARS));
}

const capped = (text: string, limitChars: number): string =>
  text.length <= limitChars ? text : `${text.slice(0, limitChars)}...`;
