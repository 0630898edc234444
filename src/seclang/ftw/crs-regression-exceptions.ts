/** Tests of the Core Rule Set that this engine is known to fail, each with its reason; one that passes must leave the list. */

const PROSE_LIKE =
  'a shell command in double quotes: of SQL it has only marks, and a shape that finds `" | name % name | "` finds 2.9 % of the benign prompts as well';

/** Release 3.3.4 as Debian ships it. */
export const CRS_3_EXCEPTIONS: Readonly<Record<string, string>> = {
  "920100-4":
    "asserts that httpd answers CONNECT with 405; which methods a server has is not the rules' affair",
  "942100-13": PROSE_LIKE,
};

/** Release 4.28.0. */
export const CRS_4_EXCEPTIONS: Readonly<Record<string, string>> = {
  "920620-1":
    "asserts that httpd has joined two Content-Type headers before the rules see them; here they stay two, and the rule fires",
  "942100-13": PROSE_LIKE,
};
