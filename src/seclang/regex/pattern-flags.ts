/** The flags a pattern starts with; the tree must not depend on anything else outside its source. */

/** Flags as `(?i)` sets them; they hold to the end of the group. */
export interface PatternFlags {
  readonly ignoresCase: boolean;
  /** `^` and `$` hold at every line. */
  readonly isMultiline: boolean;
  /** `.` takes newlines, too. */
  readonly isDotAll: boolean;
  /** White space and comments in the pattern mean nothing. */
  readonly isExtended: boolean;
}

/**
 * What SecLang engines compile `@rx` with: dot-all, `$` at the very end only (PCRE_DOTALL, PCRE_DOLLAR_ENDONLY), case
 * matters, one line. libmodsecurity adds multi-line, version 2 and the tests of the Core Rule Set do not.
 */
export const DEFAULT_FLAGS: PatternFlags = {
  ignoresCase: false,
  isMultiline: false,
  isDotAll: true,
  isExtended: false,
};
